package node_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// ledger is a machine that remembers everything: what rule 7 asks for, one
// operation at a time.
type ledger struct {
	ring    int
	entries []node.Entry
}

func (l *ledger) state() string {
	if len(l.entries) == 0 {
		return "Init"
	}
	return l.entries[len(l.entries)-1].To
}

// recent finds an operation among as many entries as a value keeps.
func (l *ledger) recent(r *node.Request) (*node.Reply, bool) {
	for i := max(0, len(l.entries)-l.ring); i < len(l.entries); i++ {
		if e := l.entries[i]; e.ID == r.ID {
			return l.recorded(r, i), true
		}
	}
	return nil, false
}

// recorded is the answer to the operation that made an entry.
func (l *ledger) recorded(r *node.Request, i int) *node.Reply {
	e, then := l.entries[i], ledger{entries: l.entries[:i+1]}
	switch e.Kind {
	case node.VoidIllegal:
		return then.final(then.reply(r, node.Rejected, node.Illegal))
	case node.VoidMismatch:
		return then.final(then.reply(r, node.Rejected, node.Mismatch))
	}
	return then.reply(r, node.Committed, "")
}

func (l *ledger) reply(r *node.Request, o node.Outcome, why node.Reason) *node.Reply {
	return &node.Reply{
		Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: r.Attempt,
		Outcome: o, Reason: why, State: l.state(), Version: l.version(), Serial: uint64(len(l.entries)),
	}
}

func (l *ledger) final(r *node.Reply) *node.Reply {
	r.Final = true
	return r
}

// version counts the transitions.
func (l *ledger) version() (n uint64) {
	for _, e := range l.entries {
		if e.Kind == node.Made {
			n++
		}
	}
	return n
}

// propose carries an operation out and says what to answer.
func (l *ledger) propose(r *node.Request) *node.Reply {
	serial, lifecycle := uint64(len(l.entries)), fsm.Lifecycle()
	if reply, found := l.recent(r); found {
		return reply
	}
	switch state := l.state(); {
	case serial > r.Base+uint64(l.ring) && r.Retry:
		return l.reply(r, node.Unknown, node.Forgotten)
	case serial > r.Base+uint64(l.ring):
		return l.reply(r, node.Rejected, node.Forgotten)
	case r.Expects && r.Expect != l.version():
		return l.decline(r, node.Mismatch, node.VoidMismatch)
	case lifecycle.Legal(state, r.To):
		l.entries = append(l.entries, node.Entry{ID: r.ID, To: r.To})
		return l.reply(r, node.Committed, "")
	default:
		return l.decline(r, node.Illegal, node.VoidIllegal)
	}
}

// decline answers what cannot be carried out. An earlier attempt may be under
// way if there was one: a void entry stops it.
func (l *ledger) decline(r *node.Request, why node.Reason, kind node.EntryKind) *node.Reply {
	if !r.Retry {
		return l.reply(r, node.Rejected, why)
	}
	l.entries = append(l.entries, node.Entry{ID: r.ID, To: l.state(), Kind: kind})
	return l.final(l.reply(r, node.Rejected, why))
}

// Whatever comes in whatever batches, old and new operations with any base: a
// node answers as if they came one after the other to a machine that remembers
// everything. The crux is that the recent entries are enough.
func TestOperationsAgainstALedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ring := rapid.IntRange(1, 16).Draw(t, "ring")
		batch := rapid.IntRange(1, ring).Draw(t, "batch")
		w := newWorld(1, func(cfg *node.Config) { cfg.Ring, cfg.Batch = ring, batch })
		h, l := w.hosts[1], &ledger{ring: ring}
		var honest exactlyOnce
		var attempt uint32
		for range rapid.IntRange(1, 12).Draw(t, "waves") {
			// What comes while the disk works waits, and is batched.
			h.slow = true
			want := map[uint32]*node.Reply{}
			var waiting []*node.Request
			for range rapid.IntRange(1, 10).Draw(t, "size") {
				attempt++
				r := drawRequest(t, attempt, len(l.entries))
				honest.sent(r)
				if reply, found := l.recent(r); found {
					want[attempt] = reply // answered from what is chosen
				} else {
					waiting = append(waiting, r)
				}
				w.request(1, r)
			}
			for _, r := range waiting {
				want[r.Attempt] = l.propose(r)
			}
			for len(h.todo) > 0 {
				h.sync()
			}
			require.Len(t, w.replies, len(want))
			for _, got := range w.replies {
				require.Equal(t, want[got.Attempt], got)
			}
			w.replies = nil
			requireHolds(t, h.node.Inspect(key).Value, l)
			honest.check(t, l)
		}
	})
}

// drawRequest draws an operation that came before, or a new one.
func drawRequest(t *rapid.T, attempt uint32, version int) *node.Request {
	return &node.Request{
		Kind: node.Propose, Key: key, Attempt: attempt,
		ID:    node.OpID(fmt.Sprintf("c1.%d", max(1, int(attempt)-rapid.IntRange(0, 20).Draw(t, "age")))),
		To:    rapid.SampledFrom(fsm.Lifecycle().States).Draw(t, "to"),
		Base:  uint64(rapid.IntRange(0, version).Draw(t, "base")),
		Retry: rapid.Bool().Draw(t, "retry"),

		Expects: rapid.IntRange(0, 3).Draw(t, "expects") == 0,
		Expect:  uint64(rapid.IntRange(0, version+1).Draw(t, "expect")),
	}
}

// requireHolds compares a value with the last entries of the ledger.
func requireHolds(t require.TestingT, v *node.Value, l *ledger) {
	if len(l.entries) == 0 {
		require.True(t, v == nil || v.Version == 0)
		return
	}
	gone := max(0, len(l.entries)-l.ring)
	before := ledger{entries: l.entries[:gone]}
	require.Equal(t, &node.Value{
		Version: l.version(), Serial: uint64(len(l.entries)), State: l.state(),
		Before: before.state(), Recent: l.entries[gone:],
	}, v)
}

// exactlyOnce watches clients that keep to the rules: their base is a version
// that they knew before their first attempt, and later attempts are retries.
type exactlyOnce struct {
	first  map[node.OpID]*node.Request
	honest map[node.OpID]bool
}

func (x *exactlyOnce) sent(r *node.Request) {
	if x.first == nil {
		x.first, x.honest = map[node.OpID]*node.Request{}, map[node.OpID]bool{}
	}
	first := x.first[r.ID]
	if first == nil {
		x.first[r.ID], x.honest[r.ID] = r, !r.Retry
		return
	}
	if r.Base > first.Base || !r.Retry {
		x.honest[r.ID] = false
	}
}

// check: an honest client's operation takes effect at most once.
func (x *exactlyOnce) check(t require.TestingT, l *ledger) {
	times := map[node.OpID]int{}
	for _, e := range l.entries {
		if e.Kind == node.Made {
			times[e.ID]++
		}
	}
	for id, n := range times {
		if x.honest[id] {
			require.Equal(t, 1, n, "%s was applied more than once", id)
		}
	}
}
