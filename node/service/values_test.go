package service

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
)

// A listing of keys has the value of each machine, as one that a majority confirms. Here
// another node answers a read in this one's place, and this one has not learnt that value:
// it reads again, and at last gives up, but never gives an older value.
func TestValuesAreAsRecentAsTheirReads(t *testing.T) {
	r := newRig(t, 1, Config{Pending: 9, Watchers: 9, Changes: 9, Page: 9, ReadyTimeout: time.Second})
	r.settle()
	r.step(Event{Kind: Call, Ticket: 1, Request: &node.Request{Kind: node.Propose, Key: "lifecycle/a", ID: node.Once("x"), To: "Running"}})
	r.settle()
	l := &listing{ticket: 2, query: Query{Keys: []string{"lifecycle/a", "lifecycle/none"}}, page: Page{Ticket: 2, Machines: []Listed{{Key: "lifecycle/a"}, {Key: "lifecycle/none"}}}}
	l.values, l.replies, l.next = make([]*node.Value, 2), make([]*node.Reply, 2), 2
	r.service.listings = append(r.service.listings, l)

	l.replies[0] = &node.Reply{Outcome: node.Committed, State: "Stopped", Version: 2, Serial: 2}
	for i := range 2 * maxRereads {
		r.service.keepValue(l, 0)
		require.Nil(t, l.values[0], "the value that this node knows is older")
		require.Equal(t, i+1, l.rereads)
		require.Equal(t, 0, l.takeUnread())
	}
	require.False(t, l.over)
	r.service.keepValue(l, 0)
	require.True(t, l.over)
	require.Equal(t, node.Timeout, r.service.out.Pages[len(r.service.out.Pages)-1].Refused.Reason)

	l.replies[0] = &node.Reply{Outcome: node.Committed, State: "Running", Version: 1, Serial: 1}
	r.service.keepValue(l, 0)
	require.Equal(t, "Running", l.values[0].State)
	l.replies[1] = &node.Reply{Outcome: node.Committed, State: "Init"}
	r.service.keepValue(l, 1)
	require.Nil(t, l.values[1])
	l.keepValues()
	require.Equal(t, []Known{{"lifecycle/a", l.values[0]}}, l.page.Values)
}
