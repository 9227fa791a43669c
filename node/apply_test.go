package node_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// modelMachine is rule 7 for one operation at a time, on a machine that keeps all
// entries.
type modelMachine struct {
	window  int
	arrived int // entries when the waiting requests came
	entries []node.Entry
}

func (l *modelMachine) state() string {
	if len(l.entries) == 0 {
		return "Init"
	}
	return l.entries[len(l.entries)-1].To
}

// recent finds an operation in the dedup window.
func (l *modelMachine) recent(r *node.Request) (*node.Reply, bool) {
	for i := max(0, len(l.entries)-l.window); i < len(l.entries); i++ {
		if e := l.entries[i]; e.ID == r.ID {
			return l.recorded(r, i, l.mayHaveLeft(r, len(l.entries))), true
		}
	}
	return nil, false
}

// mayHaveLeft reports whether an entry of r may be older than the window that ends with so
// many entries.
func (l *modelMachine) mayHaveLeft(r *node.Request, end int) bool {
	if r.Expects {
		return r.Expect < l.version() && l.transitionAt(r.Expect+1) < len(l.entries)-l.window
	}
	base, err := r.ID.Watermark(key)
	must(err)
	return uint64(end) > base+uint64(l.window)
}

// recorded is the reply to a request with the id of an entry.
func (l *modelMachine) recorded(r *node.Request, i int, left bool) *node.Reply {
	e, then := l.entries[i], modelMachine{entries: l.entries[:i+1]}
	switch {
	case e.Kind == node.EntryTransition && e.To == r.To && (!r.Expects || r.Expect+1 == then.version()):
		return then.reply(r, node.Committed, "")
	case e.Kind == node.EntryTombstone && e.Requested == r.To && !r.Expects:
		return then.final(then.reply(r, node.Rejected, node.Illegal))
	}
	switch ahead := r.Expects && r.Expect >= l.version(); {
	case !ahead && !left:
		return then.final(then.reply(r, node.Rejected, node.IDConflict))
	case r.Retry:
		return then.reply(r, node.Unknown, node.IDConflict)
	}
	return then.reply(r, node.Rejected, node.IDConflict)
}

func (l *modelMachine) reply(r *node.Request, o node.Outcome, why node.Reason) *node.Reply {
	return &node.Reply{
		Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: r.Attempt,
		Outcome: o, Reason: why, State: l.state(), Version: l.version(), Serial: uint64(len(l.entries)),
	}
}

func (l *modelMachine) final(r *node.Reply) *node.Reply {
	r.Final = true
	return r
}

// version counts the transitions.
func (l *modelMachine) version() (n uint64) {
	for _, e := range l.entries {
		if e.Kind == node.EntryTransition {
			n++
		}
	}
	return n
}

// propose carries an operation out and returns the reply.
func (l *modelMachine) propose(r *node.Request) *node.Reply {
	for i := l.arrived; i < len(l.entries); i++ { // the node has seen all of them
		if l.entries[i].ID == r.ID {
			return l.recorded(r, i, l.mayHaveLeft(r, l.arrived))
		}
	}
	serial, lifecycle := uint64(len(l.entries)), fsm.Lifecycle()
	base, err := r.ID.Watermark(key)
	must(err)
	if r.ID.IsOnce() { // its only attempt
		base = serial
	}
	switch {
	case max(base, r.Watermark) > serial:
		return l.reply(r, node.Unknown, node.WatermarkAhead)
	case r.Expects && r.Expect != l.version():
		return l.versionMismatch(r)
	case !r.Expects && uint64(l.arrived) > base+uint64(l.window):
		return l.windowExpired(r)
	case lifecycle.Legal(l.state(), r.To):
		l.entries = append(l.entries, node.Entry{ID: r.ID, To: r.To})
		return l.reply(r, node.Committed, "")
	}
	return l.illegal(r)
}

// windowExpired is the reply if the window is past the watermark: it is rejected
// only if it is a first attempt.
func (l *modelMachine) windowExpired(r *node.Request) *node.Reply {
	if r.Retry {
		return l.reply(r, node.Unknown, node.WindowExpired)
	}
	return l.reply(r, node.Rejected, node.WindowExpired)
}

// versionMismatch is the reply if another version was expected. That version may
// still come, or another operation is known to have led on from it, or it is too
// old to know.
func (l *modelMachine) versionMismatch(r *node.Request) *node.Reply {
	switch {
	case r.Expect > l.version() && r.Retry:
		return l.reply(r, node.Unknown, node.VersionMismatch)
	case r.Expect > l.version():
		return l.reply(r, node.Rejected, node.VersionMismatch)
	case l.transitionAt(r.Expect+1) >= len(l.entries)-l.window:
		return l.final(l.reply(r, node.Rejected, node.VersionMismatch))
	case r.Retry:
		return l.windowExpired(r)
	}
	return l.reply(r, node.Rejected, node.VersionMismatch)
}

// transitionAt is the index of the entry that made a version, or -1.
func (l *modelMachine) transitionAt(version uint64) int {
	for i := range l.entries {
		if then := (&modelMachine{entries: l.entries[:i+1]}); then.version() == version {
			return i
		}
	}
	return -1
}

// illegal is the reply to an illegal operation. An earlier attempt of a retry may be
// pending: an abort tombstone stops it, if there is room for one.
func (l *modelMachine) illegal(r *node.Request) *node.Reply {
	switch {
	case r.Expects:
		return l.final(l.reply(r, node.Rejected, node.Illegal))
	case !r.Retry:
		return l.reply(r, node.Rejected, node.Illegal)
	case l.tombstones() >= max(1, l.window/2):
		return l.reply(r, node.Unknown, node.Illegal)
	}
	l.entries = append(l.entries, node.Entry{ID: r.ID, To: l.state(), Requested: r.To, Kind: node.EntryTombstone})
	return l.final(l.reply(r, node.Rejected, node.Illegal))
}

// tombstones counts the abort tombstones in the dedup window.
func (l *modelMachine) tombstones() (n int) {
	for _, e := range l.entries[max(0, len(l.entries)-l.window):] {
		if e.Kind != node.EntryTransition {
			n++
		}
	}
	return n
}

// In any batches, with old and new operations and any watermarks, a node replies as
// if the operations came one after the other to a machine that keeps all entries.
// The crux is that the dedup window is enough.
func TestOperationsAgainstALedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.IntRange(1, 16).Draw(t, "window")
		batch := rapid.IntRange(1, window).Draw(t, "batch")
		w := newWorld(1, func(cfg *node.Config) { cfg.DedupWindow, cfg.Batch = window, batch })
		h, l := w.hosts[1], &modelMachine{window: window}
		once := exactlyOnce{map[node.OpID][]*node.Request{}}
		var attempt uint32
		for range rapid.IntRange(1, 12).Draw(t, "waves") {
			// Requests that come while the disk is busy wait, and form batches.
			h.slow, l.arrived = true, len(l.entries)
			want := map[uint32]*node.Reply{}
			var waiting []*node.Request
			for range rapid.IntRange(1, 10).Draw(t, "size") {
				attempt++
				r := drawRequest(t, attempt, len(l.entries))
				once.attempts(r)
				if reply, found := l.recent(r); found {
					want[attempt] = reply // its entry is in the chosen value
				} else {
					waiting = append(waiting, r)
				}
				w.request(1, r)
			}
			for _, r := range waiting {
				want[r.Attempt] = l.propose(r)
			}
			for len(h.pendingIO) > 0 {
				h.sync()
			}
			require.Len(t, w.replies, len(want))
			for _, got := range w.replies {
				waited := slices.ContainsFunc(waiting, func(r *node.Request) bool { return r.Attempt == got.Attempt })
				if waited && want[got.Attempt].Reason == node.IDConflict { // found in a value before its turn
					want[got.Attempt].Final, want[got.Attempt].Outcome = got.Final, got.Outcome
				}
				require.Equal(t, want[got.Attempt], got)
			}
			w.replies = nil
			requireMatches(t, h.node.Inspect(key).Value, l)
			once.check(t, l)
		}
	})
}

// drawRequest draws an earlier operation or a new one. Its id is stamped, made for
// one attempt, or the client's own; the other fields are arbitrary.
func drawRequest(t *rapid.T, attempt uint32, serial int) *node.Request {
	name := fmt.Sprintf("c1.%d", max(1, int(attempt)-rapid.IntRange(0, 20).Draw(t, "age")))
	r := &node.Request{
		Kind: node.Propose, Key: key, Attempt: attempt, ID: node.OpID(name),
		To:    rapid.SampledFrom(fsm.Lifecycle().States).Draw(t, "to"),
		Retry: rapid.Bool().Draw(t, "retry"),

		Expects: rapid.IntRange(0, 3).Draw(t, "expects") == 0,
		Expect:  uint64(rapid.IntRange(0, serial+1).Draw(t, "expect")),
	}
	switch rapid.IntRange(0, 4).Draw(t, "id") {
	case 0:
		r.ID, r.Retry = node.Once(fmt.Sprint("c1.", attempt)), false
	case 1:
		r.Watermark = uint64(rapid.IntRange(0, serial+2).Draw(t, "claim"))
	case 2, 3:
		r.ID = node.Stamp(key, uint64(rapid.IntRange(0, serial+1).Draw(t, "watermark")), name)
	}
	return r
}

// requireMatches compares a value with the last entries of the model.
func requireMatches(t require.TestingT, v *node.Value, l *modelMachine) {
	if len(l.entries) == 0 {
		require.True(t, v == nil || v.Version == 0)
		return
	}
	gone := max(0, len(l.entries)-l.window)
	before := modelMachine{entries: l.entries[:gone]}
	require.Equal(t, &node.Value{
		Version: l.version(), Serial: uint64(len(l.entries)), State: l.state(),
		StateBefore: before.state(), Window: l.entries[gone:],
	}, v)
}

// exactlyOnce checks that no operation takes effect twice, whatever the clients
// send. The exception: under one id, each version that a request expects may be
// made once.
type exactlyOnce struct{ asked map[node.OpID][]*node.Request }

func (x *exactlyOnce) attempts(r *node.Request) { x.asked[r.ID] = append(x.asked[r.ID], r) }

func (x *exactlyOnce) check(t require.TestingT, l *modelMachine) {
	plain, version := map[node.OpID]int{}, uint64(0)
	for _, e := range l.entries {
		if e.Kind != node.EntryTransition {
			continue
		}
		version++
		expected := slices.ContainsFunc(x.asked[e.ID], func(r *node.Request) bool { return r.Expects && r.Expect+1 == version && r.To == e.To })
		if !expected {
			plain[e.ID]++
		}
	}
	for id, n := range plain {
		require.Equal(t, 1, n, "%s was carried out more than once", id)
	}
}
