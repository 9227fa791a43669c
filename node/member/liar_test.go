package member_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/attacker"
)

// drawn makes the choices of an attacker, with rapid.
type drawn struct{ *rapid.T }

// IntN implements attacker.Source.
func (d drawn) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(d.T, "choice") }

// liarAt returns a liar in the name of member 3, which is down, that knows all that
// member 3 knew.
func liarAt(w *world, victim int) *attacker.Liar {
	l := &attacker.Liar{ID: 3, Victim: node.ID(victim), Cluster: w.hosts[1].clusterOf(), Keys: []string{"lifecycle/x", "lifecycle/y", "lifecycle/a b", "unheard-of/z"}}
	for id := 1; id <= 3; id++ {
		l.Members = append(l.Members, node.ID(id))
		l.Incarnations = append(l.Incarnations, [16]byte{byte(id)})
		l.Lives = append(l.Lives, uint64(id))
	}
	return l
}

// Whatever a member says, of all kinds of messages, the others do not stop or panic, do
// not grow beyond what it has named, and go on: each of them answers for each machine
// that was lied about, and for a fresh one.
func TestLyingMemberStopsNobody(t *testing.T) {
	received := uint64(0)
	t.Cleanup(func() { require.Greater(t, received, uint64(1000), "the lies have got no further than the door") })
	rapid.Check(t, func(t *rapid.T) {
		w := formedBut3()
		ends := [3]uint64{}
		for id := 1; id <= 2; id++ {
			ends[id] = uint64(w.hosts[id].member.Node().End())
		}
		lies := rapid.IntRange(1, 120).Draw(t, "lies")
		for range lies {
			id := 1 + rapid.IntRange(0, 1).Draw(t, "victim")
			w.hosts[id].say(3, 3, liarAt(w, id).Message(drawn{t}))
			if rapid.IntRange(0, 9).Draw(t, "work") == 0 {
				w.propose(id, "lifecycle/x")
				w.run(time.Duration(rapid.IntRange(1, 400).Draw(t, "ms")) * time.Millisecond)
			}
		}
		w.run(time.Second)
		for id := 1; id <= 2; id++ {
			m := w.hosts[id].member
			require.NotNil(t, m, "node %d has stopped:\n%s", id, w.output.String())
			require.True(t, m.Ready(), "node %d: %+v", id, m.Status())
			received += m.Node().Counters().Received
			require.LessOrEqual(t, m.Node().MachineCount(), 4, "x, y, unheard-of and its definition")
			require.LessOrEqual(t, uint64(m.Node().End()), ends[id]+uint64(2000*(lies+50)), "the log")
		}
		for id := 1; id <= 2; id++ {
			for _, key := range []string{"lifecycle/x", "lifecycle/y", fmt.Sprintf("lifecycle/fresh-%d", id)} {
				require.True(t, w.reads(id, key), "node %d reads %s after the lies\n%s", id, key, w.output.String())
			}
		}
	})
}

// A member that accuses others of lost promises can make them abstain. It stops nobody.
func TestAccuserStopsNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := formedBut3()
		for range rapid.IntRange(1, 60).Draw(t, "lies") {
			id := 1 + rapid.IntRange(0, 1).Draw(t, "victim")
			l := liarAt(w, id)
			l.Accuses = true
			w.hosts[id].say(3, 3, l.Introduction(drawn{t}))
			w.run(time.Duration(rapid.IntRange(0, 40).Draw(t, "ms")) * time.Millisecond)
		}
		w.run(time.Minute)
		for id := 1; id <= 2; id++ {
			m := w.hosts[id].member
			require.NotNil(t, m, "node %d has stopped:\n%s", id, w.output.String())
			require.LessOrEqual(t, len(m.Disputes()), 2, "one for each other member")
			w.hosts[id].crash()
			w.hosts[id].start()
			w.run(time.Second)
			require.NotNil(t, w.hosts[id].member, "it starts again, to abstain\n%s", w.output.String())
		}
	})
}

// formedBut3 returns three members of a formed cluster, of which the third is down.
func formedBut3() *world {
	w := formed()
	w.hosts[3].crash()
	w.run(time.Second)
	return w
}

// propose sends a host a proposal of a client.
func (w *world) propose(id int, key string) {
	w.requests++
	w.hosts[id].step(node.Event{Kind: node.Receive, From: 1101, Message: &node.Request{Kind: node.Propose, Key: key, ID: node.OpID(fmt.Sprintf("c1.%d", w.requests)), To: "Running"}})
}

// reads reports whether a host answers a read of a machine, in three minutes of attempts.
func (w *world) reads(id int, key string) bool {
	for range 90 {
		w.requests++
		op := fmt.Sprintf("c1.%d", w.requests)
		w.output.Reset()
		w.hosts[id].step(node.Event{Kind: node.Receive, From: 1101, Message: &node.Request{Kind: node.Read, Key: key, ID: node.OpID(op)}})
		w.run(2 * time.Second)
		if strings.Contains(w.output.String(), fmt.Sprintf("reply %s %s attempt 0 committed", key, op)) {
			return true
		}
	}
	return false
}
