package node

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// definitionsAlone is a node of which only the definitions exist: it records what they
// ask for.
type definitionsAlone struct {
	reads   []*lookup
	handled []OpID
	refused map[OpID]Reason
	logged  map[string]string
}

func (n *definitionsAlone) readDefinition(l *lookup)                      { n.reads = append(n.reads, l) }
func (n *definitionsAlone) handleRequest(_ ID, r *Request)                { n.handled = append(n.handled, r.ID) }
func (n *definitionsAlone) refuseRequest(_ ID, r *Request, reason Reason) { n.refused[r.ID] = reason }
func (n *definitionsAlone) isLogged(key string) bool                      { return n.logged[key] != "" }
func (n *definitionsAlone) logDefinition(key, text string)                { n.logged[key] = text }

func (n *definitionsAlone) isPeer(id ID) bool { return id == peer || id == peer+1 }

// peer is the id of one of two peers.
const peer ID = 2

func newDefinitionsAlone() (*definitionsAlone, *definitions) {
	n := &definitionsAlone{refused: map[OpID]Reason{}, logged: map[string]string{}}
	d := newDefinitions(n, &Config{Queue: 3, Definitions: []fsm.Definition{fsm.Lifecycle()}}, new(Counters))
	return n, &d
}

func request(id string) waiter { return waiter{101, &Request{ID: OpID(id)}} }

// One read serves the requests that were there when it began, the next one those that
// came during it. Requests beyond the queue are refused.
func TestLookupsAreBounded(t *testing.T) {
	n, d := newDefinitionsAlone()
	for i := range 5 {
		d.await("lamp", request(fmt.Sprint("lamp-", i)))
	}
	require.Len(t, n.reads, 1)
	require.Equal(t, map[OpID]Reason{"lamp-3": Overloaded, "lamp-4": Overloaded}, n.refused)

	d.finishLookup(n.reads[0], Reply{Outcome: Committed, State: fsm.Undefined})
	require.Equal(t, UnknownDefinition, n.refused["lamp-0"])
	require.Len(t, n.reads, 2, "for the requests that came during the first")
	d.finishLookup(n.reads[1], Reply{Outcome: Unknown, Reason: Timeout})
	require.Equal(t, Timeout, n.refused["lamp-1"])
	require.Equal(t, Timeout, n.refused["lamp-2"])
	require.Zero(t, d.underWay())

	d.fetch(peer, "lifecycle/a") // known
	d.fetch(peer, "no key")
	require.Len(t, n.reads, 2)
	require.Empty(t, n.handled)
}

// A peer whose messages name what does not exist uses up its own share of lookups, and
// clients have theirs: none makes those of another fail.
func TestLookupsAreFair(t *testing.T) {
	n, d := newDefinitionsAlone()
	for i := range 3 * maxPeerLookups {
		d.fetch(peer, fmt.Sprintf("p%d/a", i))
		d.fetch(peer, fmt.Sprintf("p%d/b", i)) // under way
	}
	require.Equal(t, maxPeerLookups, d.underWay())
	d.await("forwarded", waiter{peer, &Request{ID: "forwarded"}})
	require.Equal(t, map[OpID]Reason{"forwarded": Overloaded}, n.refused)

	for i := range 500 { // a client with names of its own
		d.await(fmt.Sprintf("c%d", i), request(fmt.Sprint("c", i)))
	}
	d.await("lamp", request("another"))
	d.fetch(peer+1, "torch/a")
	require.Len(t, n.refused, 1)
	require.Equal(t, maxPeerLookups+502, d.underWay())
	for len(n.reads) > 0 {
		l := n.reads[0]
		n.reads = n.reads[1:]
		d.finishLookup(l, Reply{Outcome: Committed, State: fsm.Undefined})
	}
	require.Zero(t, d.underWay())
	require.Empty(t, d.ofPeers)
	require.Equal(t, UnknownDefinition, n.refused["another"])

	d.fetch(peer, "p99/a") // it has its share again
	require.Equal(t, 1, d.underWay())
}

// A chosen definition is logged before it is used, and once. A text that does not define
// the name of its machine is discarded.
func TestChosenDefinitionsAreLogged(t *testing.T) {
	n, d := newDefinitionsAlone()
	lamp := fsm.Definition{Name: "lamp", States: []string{"off", "on"}, Initial: "off", Transitions: []fsm.Transition{{From: "off", To: "on"}}}
	text, err := lamp.Text()
	require.NoError(t, err)
	d.await("lamp", request("c1.1"))
	d.adopt("definition/lamp", fsm.Undefined)
	d.adopt("definition/torch", text)
	d.adopt("definition/lamp", "no definition")
	require.Empty(t, n.logged)
	require.EqualValues(t, 2, d.counts.Discarded)

	d.finishLookup(n.reads[0], Reply{Outcome: Committed, State: text})
	d.adopt("definition/lamp", text)
	require.Equal(t, map[string]string{"#definition/lamp": text}, n.logged)
	require.Equal(t, []OpID{"c1.1"}, n.handled)
	all, more := d.page("", 9)
	require.Equal(t, []fsm.Definition{lamp, fsm.Lifecycle()}, all)
	require.False(t, more)
	require.Nil(t, d.find("lamp"), "a key without the name of a machine")
	require.NotNil(t, d.find("lamp/hall"))
	require.EqualValues(t, 2, d.counts.Discarded)
}
