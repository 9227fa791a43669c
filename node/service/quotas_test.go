package service

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/member"
)

// An operator is told of a quota before clients are refused, once at four fifths and once
// at the end. Refused operations leave nothing that counts.
func TestTheOperatorIsToldBeforeAQuotaIsReached(t *testing.T) {
	var told []member.Notice
	quotas := node.DefaultQuotas()
	quotas.Machines = 5
	r := newRigWithQuotas(t, 1, Config{Pending: 10, Watchers: 1, Changes: 1, Page: 1, ReadyTimeout: time.Second, Notify: func(n member.Notice) { told = append(told, n) }}, quotas)
	r.settle()
	create := func(i int) {
		r.lines = nil
		r.step(Event{Kind: Call, Ticket: Ticket(i), Request: &node.Request{Kind: node.Propose, Key: fmt.Sprintf("lifecycle/m%d", i), ID: node.Once("a"), Attempt: 1, To: "Running"}})
		r.settle()
	}
	for i := 1; i <= 3; i++ {
		create(i)
	}
	require.Empty(t, told)
	create(4)
	require.Equal(t, []member.Notice{{Level: member.Warn, Text: "4 of 5 machines are used, 80 % of the quota: " + remedy("machines")}}, told)
	create(5)
	require.Equal(t, []string{"5 committed"}, r.lines)
	require.Len(t, told, 2)
	require.Equal(t, member.Notice{Level: member.Critical, Text: "the quota of machines is used up, 5 of 5: " + remedy("machines")}, told[1])
	for i := 6; i <= 8; i++ {
		create(i)
		require.Equal(t, []string{fmt.Sprintf("%d rejected quota", i)}, r.lines)
	}
	require.Len(t, told, 2)
	require.Equal(t, node.QuotaUse{Name: "machines", Used: 5, Limit: 5}, r.service.Quotas()[0])
}

// So it is with definitions, which have a quota of their own: who creates many of them
// does not keep others from creating machines.
func TestTheOperatorIsToldOfDefinitions(t *testing.T) {
	var told []string
	quotas := node.DefaultQuotas()
	quotas.Definitions = 5
	r := newRigWithQuotas(t, 1, Config{Pending: 10, Watchers: 1, Changes: 1, Page: 1, ReadyTimeout: time.Second, Notify: func(n member.Notice) { told = append(told, n.Text) }}, quotas)
	r.settle()
	define := func(i int) {
		r.lines = nil
		d := fsm.Definition{Name: fmt.Sprintf("d%d", i), States: []string{"a", "b"}, Initial: "a", Transitions: []fsm.Transition{{From: "a", To: "b"}}}
		text, err := d.Text()
		require.NoError(t, err)
		r.step(Event{Kind: Call, Ticket: Ticket(i), Request: &node.Request{Kind: node.Propose, Key: "definition/" + d.Name, ID: node.Once("a"), Attempt: 1, To: text}})
		r.settle()
	}
	for i := 1; i <= 5; i++ {
		require.Len(t, told, max(0, i-4))
		define(i)
		require.Equal(t, []string{fmt.Sprintf("%d committed", i)}, r.lines)
	}
	require.Equal(t, []string{
		"4 of 5 definitions are used, 80 % of the quota: " + remedy("definitions"),
		"the quota of definitions is used up, 5 of 5: " + remedy("definitions"),
	}, told)
	define(6)
	require.Equal(t, []string{"6 rejected quota"}, r.lines)
	r.lines = nil
	r.step(Event{Kind: Call, Ticket: 7, Request: &node.Request{Kind: node.Propose, Key: "d5/m", ID: node.Once("a"), Attempt: 1, To: "b"}})
	r.settle()
	require.Equal(t, []string{"7 committed"}, r.lines, "machines have room")
}

// Operations in flight are a quota whose use falls again: the next time is told, too.
func TestOperationsInFlightAreAQuota(t *testing.T) {
	var told []string
	r := newRig(t, 3, Config{Pending: 5, Watchers: 1, Changes: 1, Page: 1, ReadyTimeout: time.Second, Notify: func(n member.Notice) { told = append(told, n.Text) }})
	r.settle()
	for round := 1; round <= 2; round++ {
		for i := range 6 {
			r.step(Event{Kind: Call, Ticket: Ticket(10*round + i), Request: &node.Request{Kind: node.Read, Key: "lifecycle/a", ID: node.Once("a"), Attempt: 1}})
		}
		require.Len(t, told, 2*round)
		require.Contains(t, told[2*round-2], "4 of 5 operations are used, 80 % of the quota: beyond it clients are refused")
		require.Contains(t, told[2*round-1], "the quota of operations is used up, 5 of 5")
		for range 40 {
			r.now += 100 * time.Millisecond
			r.step()
			r.settle()
		}
		require.Equal(t, node.QuotaUse{Name: QuotaOperations, Used: 0, Limit: 5}, r.service.Quotas()[4])
	}
}

func TestPercentagesOfQuotas(t *testing.T) {
	for want, q := range map[uint64]node.QuotaUse{
		0:   {Used: 0, Limit: 1},
		66:  {Used: 2, Limit: 3},
		79:  {Used: 799_999, Limit: 1_000_000},
		80:  {Used: 800_000, Limit: 1_000_000},
		99:  {Used: 1<<64 - 2, Limit: 1<<64 - 1},
		100: {Used: 7, Limit: 3},
	} {
		require.Equal(t, want, usedPercent(q), "%v", q)
	}
}
