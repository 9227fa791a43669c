package service

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// rig is a service whose disk completes requests when a test says so. Of three members
// the other two are down.
type rig struct {
	t       *testing.T
	service *Service
	disk    waltest.Disk
	pending []wal.DiskRequest
	now     time.Duration
	wake    time.Duration
	lines   []string // what clients have received
}

func newRig(t *testing.T, members int, cfg Config) *rig {
	return newRigWithQuotas(t, members, cfg, node.DefaultQuotas())
}

func newRigWithQuotas(t *testing.T, members int, cfg Config, quotas node.Quotas) *rig {
	n := node.Defaults()
	n.Quotas = quotas
	n.ID, n.RepairDelay, n.Definitions = 1, 0, []fsm.Definition{fsm.Lifecycle()}
	var formed []member.Identity
	for id := 1; id <= members; id++ {
		n.Members = append(n.Members, node.ID(id))
		formed = append(formed, member.Identity{ID: node.ID(id), Incarnation: [16]byte{byte(id)}})
	}
	m, err := member.New(member.Config{Node: n, Formed: formed})
	require.NoError(t, err)
	s, err := New(m, cfg)
	require.NoError(t, err)
	r := &rig{t: t, service: s, disk: waltest.Disk{}}
	r.step(Event{Member: node.Event{Kind: node.Boot, Dir: r.disk, Incarnation: [16]byte{1}, Life: 7}})
	return r
}

// step has the service take events, and notes what clients receive.
func (r *rig) step(evs ...Event) {
	e, err := r.service.Step(r.now, evs)
	if r.service.cause == nil {
		require.NoError(r.t, err)
	}
	r.take(e)
}

func (r *rig) take(e *Effects) {
	r.pending, r.wake = append(r.pending, e.Disk...), e.Wake
	for _, p := range e.Replies {
		r.lines = append(r.lines, strings.TrimSpace(fmt.Sprintf("%d %s %s", p.Ticket, p.Reply.Outcome, p.Reply.Reason)))
	}
	for _, p := range e.Pages {
		line := fmt.Sprintf("%d refused %v", p.Ticket, p.Refused != nil)
		for _, m := range p.Machines {
			line += fmt.Sprintf(" %s=%s", m.Key, m.State)
		}
		r.lines = append(r.lines, strings.Replace(line, "refused false", "page", 1))
	}
	for _, u := range e.Updates {
		r.lines = append(r.lines, describeUpdate(&u))
	}
}

func describeUpdate(u *Update) string {
	line := fmt.Sprintf("%d", u.Ticket)
	for _, b := range u.Begin {
		line += fmt.Sprintf(" is %s", b.Value.State)
	}
	for _, c := range u.Changes {
		line += fmt.Sprintf(" to %s", c.Now.State)
	}
	switch {
	case u.Refused != nil:
		line += fmt.Sprintf(" refused %s", u.Refused.Reason)
	case u.End != NotEnded:
		line += fmt.Sprintf(" ends %d", u.End)
	case line == fmt.Sprint(u.Ticket):
		line += " begins"
	}
	return line
}

// settle has the disk complete its requests and the service take the steps that it asks
// for now, until neither has more.
func (r *rig) settle() {
	for range 1000 {
		switch {
		case len(r.pending) > 0:
			q := r.pending[0]
			r.pending = r.pending[1:]
			r.disk.Execute(q)
			r.step(Event{Member: node.Event{Kind: node.DiskDone, Token: q.Token}})
		case r.wake <= r.now:
			r.step()
		default:
			return
		}
	}
	r.t.Fatal("the service does not come to rest")
}

// waitUntil takes the steps that the service asks for up to a time.
func (r *rig) waitUntil(at time.Duration) {
	for r.wake <= at {
		r.now = max(r.now, r.wake)
		r.step()
	}
	r.now = at
}

// do carries out one command of a script.
func (r *rig) do(command string) {
	f := strings.Fields(command)
	arg := func(i int) string {
		if i < len(f) {
			return f[i]
		}
		return ""
	}
	var ticket Ticket
	fmt.Sscan(arg(1), &ticket)
	request := &node.Request{Kind: node.Propose, Key: "lifecycle/m", Attempt: 1, To: arg(2), ID: node.Stamp("lifecycle/m", 0, "op"+arg(1))}
	switch f[0] {
	case "sync":
		r.settle()
	case "call":
		r.step(Event{Kind: Call, Ticket: ticket, Request: request})
	case "late", "late-retry", "soon", "soon-retry": // their clients wait until now, or for a moment
		if strings.HasSuffix(f[0], "-retry") {
			request.Retry, request.Attempt = true, 2
		}
		expires := r.now + 10*time.Millisecond
		if strings.HasPrefix(f[0], "late") {
			r.waitUntil(expires)
		}
		r.step(Event{Kind: Call, Ticket: ticket, Request: request, Expires: expires})
	case "other": // machine
		request.Key, request.ID = "lifecycle/n", node.Stamp("lifecycle/n", 0, "op"+arg(1))
		r.step(Event{Kind: Call, Ticket: ticket, Request: request})
	case "retry":
		request.Retry, request.Attempt = true, 2
		r.step(Event{Kind: Call, Ticket: ticket, Request: request})
	case "read":
		request.Kind, request.To = node.Read, ""
		r.step(Event{Kind: Call, Ticket: ticket, Request: request})
	case "list":
		r.step(Event{Kind: List, Ticket: ticket, Query: &Query{Limit: 9, Linearizable: arg(2) == "linearizable"}})
	case "watch":
		q := &Query{}
		if q.Single = arg(2) == "one"; q.Single {
			q.Prefix = "lifecycle/m"
		}
		r.step(Event{Kind: Watch, Ticket: ticket, Query: q})
	case "pull":
		r.step(Event{Kind: Pull, Ticket: ticket})
	case "abandon":
		r.step(Event{Kind: Abandon, Ticket: ticket})
	case "drain":
		r.step(Event{Kind: Drain})
	case "hear": // of a peer
		var peer node.ID
		fmt.Sscan(arg(1), &peer)
		r.step(Event{Member: node.Event{Kind: node.Receive, From: peer, Message: &node.Acknowledgment{Key: "lifecycle/m"}}})
	case "stop":
		r.take(r.service.Stop())
	case "fail":
		q := r.pending[0]
		r.pending = nil
		r.step(Event{Member: node.Event{Kind: node.DiskDone, Token: q.Token, Err: wal.ErrFull}})
	case "wait":
		d, err := time.ParseDuration(f[1])
		require.NoError(r.t, err)
		r.waitUntil(r.now + d)
	default:
		r.t.Fatalf("no command: %s", command)
	}
}

// What clients receive, by what has happened.
func TestClientsOfOneService(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"a request waits for the member", "call 1 Running; sync", "1 committed"},
		{"requests wait in order", "call 1 Running; call 2 Stopped; sync", "1 committed; 2 committed"},
		{"a wait ends", "call 1 Running; wait 99ms; wait 1ms; sync", "1 rejected abstains"},
		{"each wait ends by itself", "call 1 Running; wait 60ms; retry 2 Stopped; wait 40ms; wait 60ms", "1 rejected abstains; 2 unknown abstains"},
		{"an abandoned wait", "call 1 Running; abandon 1; sync; read 2; sync; list 3; sync", "2 committed; 3 page"},
		{"an abandoned request is carried out", "sync; call 1 Running; abandon 1; sync; list 2; sync", "2 page lifecycle/m=Running"},
		{"room for two", "call 1 Running; call 2 Stopped; call 3 Running; retry 4 Running; sync", "3 rejected overloaded; 4 unknown overloaded; 1 committed; 2 committed"},
		{"an abandoned wait leaves room", "call 1 Running; call 2 Stopped; abandon 2; call 3 Stopped; sync", "1 committed; 3 committed"},
		{"an abandoned request keeps its room", "sync; call 1 Running; call 2 Stopped; abandon 1; call 3 Running; sync", "3 rejected overloaded; 2 committed"},
		{"draining", "sync; call 1 Running; drain; call 2 Stopped; list 3; watch 4; sync", "2 rejected stopping; 3 refused true; 4 refused stopping; 1 committed"},
		{"a stop", "sync; call 1 Running; stop; call 2 Running; list 3; watch 4", "1 unknown stopping; 2 rejected stopping; 3 refused true; 4 refused stopping"},
		{"a stop before the member is ready", "call 1 Running; retry 2 Running; stop", "1 rejected stopping; 2 unknown stopping"},
		{"a stop with watches", "sync; watch 1; pull 1; pull 1; watch 2 one; stop", "1 begins; 1 begins; 2 begins; 1 ends 3; 2 is Init ends 3"},
		{"a disk that fails", "sync; call 1 Running; fail; call 2 Running", "1 unknown stopping; 2 rejected stopping"},
		{"a watch from the present", "sync; call 1 Running; sync; watch 2; pull 2; pull 2; call 3 Stopped; sync", "1 committed; 2 begins; 2 is Running; 3 committed; 2 to Stopped"},
		{"a watch of a machine without transitions", "sync; watch 1 one; sync; pull 1; call 2 Running; pull 1; sync", "1 begins; 1 is Init; 2 committed; 1 to Running"},
		{"a slow watch", "sync; watch 1; pull 1; call 2 Running; sync; call 3 Stopped; sync; call 4 Init; sync; pull 1", "1 begins; 1 begins; 2 committed; 3 committed; 4 committed; 1 to Running to Stopped ends 1"},
		{"room for two watches", "sync; watch 1; watch 2; watch 3; abandon 1; watch 4", "1 begins; 2 begins; 3 refused overloaded; 4 begins"},
		{"a slow watch keeps no place", "sync; watch 1; watch 2; pull 1; call 3 Running; sync; call 4 Stopped; sync; call 5 Init; sync; watch 6",
			"1 begins; 2 begins; 1 begins; 3 committed; 4 committed; 5 committed; 1 to Running to Stopped ends 1; 6 begins"},
		{"calls that came too late for their clients", "sync; late 1 Running; late-retry 2 Running; sync; read 3", "1 rejected timeout; 2 unknown timeout; 3 committed"},
		{"a call that is too late when the node is ready", "soon 1 Running; soon-retry 2 Running; wait 50ms; sync; read 3; sync", "1 rejected timeout; 2 unknown timeout; 3 committed"},
		{"a watch that has no room for its read", "sync; call 1 Running; call 2 Stopped; watch 3 one; watch 4; watch 5; sync", "3 refused overloaded; 4 begins; 5 begins; 1 committed; 2 committed"},
		{"an abandoned watch", "sync; watch 1 one; abandon 1; sync; watch 2; watch 3", "1 begins; 2 begins; 3 begins"},
		{"a linearizable listing", "sync; call 1 Running; sync; list 2 linearizable; sync", "1 committed; 2 page lifecycle/m=Running"},
		{"a stop while the index is scanned", "sync; call 1 Running; other 2 Running; sync; list 3; stop", "1 committed; 2 committed; 3 refused true"},
		{"an abandoned listing", "sync; call 1 Running; sync; list 2 linearizable; abandon 2; sync", "1 committed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, 1, Config{Pending: 2, Watchers: 2, Changes: 2, Page: 1, ReadyTimeout: 100 * time.Millisecond})
			for _, command := range strings.Split(c.script, "; ") {
				r.do(command)
			}
			require.Equal(t, c.want, strings.Join(r.lines, "; "))
			require.Empty(t, r.service.requests.byTicket, "calls that have their outcome")
		})
	}
}

// Without a majority requests end as the node decides, and places are free again.
func TestClientsWithoutAMajority(t *testing.T) {
	r := newRig(t, 3, Config{Pending: 2, Watchers: 1, Changes: 1, Page: 1, ReadyTimeout: 100 * time.Millisecond})
	for _, command := range []string{"sync", "call 1 Running", "watch 2 one", "sync", "wait 1m", "pull 2"} {
		r.do(command)
		if len(r.pending) > 0 {
			r.settle()
		}
	}
	require.ElementsMatch(t, []string{"1 rejected timeout", "2 begins"}, r.lines)
	require.Equal(t, 1, r.service.Counters().Watchers)
	require.Zero(t, r.service.Counters().Pending)
}

// A watch whose machine is still read when the node begins to abstain is refused: its
// client awaits whether it begins.
func TestWatchesThatHaveNotBegunAreRefused(t *testing.T) {
	r := newRig(t, 3, Config{Pending: 9, Watchers: 9, Changes: 9, Page: 9, ReadyTimeout: time.Second})
	for _, command := range []string{"sync", "watch 1 one", "watch 2", "pull 2", "pull 2"} {
		r.do(command)
	}
	r.lines = nil
	s := r.service
	s.begin()
	s.endWatches(Abstained, (&node.Request{}).NotCarriedOut(node.Abstains), nil)
	s.answerPulls()
	r.take(&s.out)
	require.Equal(t, []string{"1 refused abstains", "2 ends 2"}, slices.Sorted(slices.Values(r.lines)))
	require.Zero(t, s.Counters().Watchers)
}
