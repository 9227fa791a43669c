package lockstep

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// belief is what a node has said, over all its lives, of a cluster of which it is
// the only member: what no crash may take back.
type belief struct {
	boot               uint64 // the last that was ready
	incarnation        byte   // from then on
	promised, accepted node.Ballot
	version            uint64 // the last that a client was told of
}

// survives checks a node that has read its disk.
func (b belief) survives(n *node.Node) error {
	s := n.Inspect(key)
	switch {
	case n.BootNumber() <= b.boot:
		return fmt.Errorf("boot %d comes after boot %d", n.BootNumber(), b.boot)
	case b.boot > 0 && n.Incarnation()[0] != b.incarnation:
		return fmt.Errorf("formatted anew after boot %d", b.boot)
	case s.Promised.Less(b.promised) || s.Accepted.Less(b.accepted):
		return fmt.Errorf("promised %v and accepted %v, after %v and %v were durable", s.Promised, s.Accepted, b.promised, b.accepted)
	case b.version > 0 && (s.Value == nil || s.Value.Version < b.version):
		return fmt.Errorf("has %v, and a client was told of version %d", s.Value, b.version)
	}
	return nil
}

// alone is the cluster of the node.
var alone = &scenarios.Plan{
	Nodes: 1, Definitions: []fsm.Definition{fsm.Lifecycle()},
	Knobs: scenarios.Knobs{ConsensusTimeout: netmodel.Second, ResendTimeout: netmodel.Second, Segment: 256},
}

// explorer visits all that can become of a node's disk in a few short lives: the
// end of the process and a loss of power between any two steps, each with every
// state that it may leave, and syncs that fail.
type explorer struct {
	*testing.T
	transitions []int           // that a client asks for, by life
	seen        map[uint64]bool // what was explored from
	visited     int             // states that a crash has left
	started     int             // of them, different ones, from which a node started
	renamed     int             // files of the log that were used again
}

// known reports whether something was explored from these before.
func (x *explorer) known(what string, d *sim.DiskModel, b belief, number int) bool {
	h := keyed.Mix(d.Digest(), keyed.String(fmt.Sprint(what, b, number)))
	if x.seen[h] {
		return true
	}
	x.seen[h] = true
	return false
}

// life is one life of the node.
type life struct {
	x       *explorer
	number  int
	node    *node.Node
	disk    *sim.DiskModel
	belief  belief
	pending []node.Observation // promised and accepted, not durable
	now     time.Duration
}

// Observe implements node.Observer.
func (l *life) Observe(f node.Observation) {
	b := &l.belief
	switch f.Kind {
	case node.BootReady:
		b.boot, b.incarnation = f.Boot, l.node.Incarnation()[0]
	case node.Promised, node.Accepted:
		l.pending = append(l.pending, f)
	case node.Durable:
		for len(l.pending) > 0 && l.pending[0].DurableAt <= f.DurableAt {
			if l.pending[0].Kind == node.Promised {
				b.promised = l.pending[0].Ballot
			} else {
				b.accepted = l.pending[0].Ballot
			}
			l.pending = l.pending[1:]
		}
	case node.Answered:
		if f.Reply.Outcome == node.Committed {
			b.version = f.Reply.Version
		}
	}
}

// explore runs the life that begins with a disk, and from every point of it the
// lives that a crash there could lead to.
func (x *explorer) explore(d *sim.DiskModel, b belief, number int) {
	x.visited++
	if x.known("life", d, b, number) {
		return
	}
	x.started++
	l := x.begin(d, b, number)
	l.step(l.boot())
	require.NoError(x, b.survives(l.node))
	if number == len(x.transitions) {
		return
	}
	l.finish()
	require.True(x, l.node.Ready())
	for i := range x.transitions[number] {
		l.step(l.propose(i))
		l.finish()
		require.Equal(x, l.node.Inspect(key).Accepted, l.belief.accepted)
	}
}

// begin makes the node of a life.
func (x *explorer) begin(d *sim.DiskModel, b belief, number int) *life {
	l := &life{x: x, number: number, disk: d, belief: b}
	cfg := newRun(alone).config(1)
	cfg.Observer = l
	n, err := node.New(cfg)
	require.NoError(x, err)
	l.node = n
	return l
}

func (l *life) boot() node.Event {
	return node.Event{Kind: node.Boot, Dir: l.disk, Incarnation: [16]byte{byte(l.number + 1)}}
}

// step takes one event, and gives the disk what the node asks for.
func (l *life) step(ev node.Event) {
	l.now += time.Millisecond
	effects, err := l.node.Step(l.now, ev)
	require.NoError(l.x, err)
	for i := range effects.Disk {
		if effects.Disk[i].Op == wal.Rename {
			l.x.renamed++
		}
		l.disk.Submit(diskRequest(&effects.Disk[i]))
		l.crashes(l.disk)
	}
}

// propose asks for the next transition.
func (l *life) propose(i int) node.Event {
	s, base := "Init", uint64(0)
	if v := l.node.Inspect(key).Value; v != nil {
		s, base = v.State, l.belief.version
	}
	next := map[string]string{"Init": "Running", "Running": "Stopped", "Stopped": "Init"}
	return node.Event{Kind: node.Receive, From: 101, Message: &node.Request{
		Kind: node.Propose, Key: key, ID: node.Stamp(key, base, fmt.Sprintf("l%d.%d", l.number, i)), Attempt: 1, To: next[s],
	}}
}

// finish carries out what the disk was asked for.
func (l *life) finish() {
	for l.disk.InFlight() > 0 {
		l.failedSync()
		token, err := l.disk.Complete()
		require.NoError(l.x, err)
		l.crashes(l.disk) // the node has not heard of it
		l.step(node.Event{Kind: node.DiskDone, Token: token})
		l.crashes(l.disk)
	}
}

const limit = 1 << 16

// crashes explores every state that a crash now may leave.
func (l *life) crashes(d *sim.DiskModel) {
	if l.number == len(l.x.transitions) || l.x.known("crash", d, l.belief, l.number) {
		return
	}
	for state, err := range d.ProcessCrashes(limit) {
		require.NoError(l.x, err)
		l.x.explore(state, l.belief, l.number+1)
	}
	for state, err := range d.PowerLosses(limit) {
		require.NoError(l.x, err)
		l.x.explore(state, l.belief, l.number+1)
	}
}

// failedSync explores what comes of it if the sync that is next fails, at which
// the node stops.
func (l *life) failedSync() {
	d := l.disk.Clone()
	if !d.NextIsSync() {
		return
	}
	_, err := d.FailSync()
	require.ErrorIs(l.x, err, sim.ErrIO)
	l.crashes(d)
}

// In no state that a disk may be left in does the node refuse to start, forget
// what it said, or use a boot number again.
func TestNothingSaidIsLostInAnyDiskState(t *testing.T) {
	for _, c := range []struct {
		sector      int
		transitions []int
	}{
		{16, []int{2, 0}},
		{32, []int{2, 1}},
		{64, []int{2, 1}},
		{512, []int{3, 1}},
		{64, []int{14, 0}}, // files of the log are used again
	} {
		t.Run(fmt.Sprintf("sectors of %d bytes, %d transitions", c.sector, c.transitions), func(t *testing.T) {
			x := &explorer{T: t, transitions: c.transitions, seen: map[uint64]bool{}}
			x.explore(sim.NewDiskModel(c.sector), belief{}, 0)
			t.Logf("%d states visited, %d of them different, %d files used again", x.visited, x.started, x.renamed)
			require.Greater(t, x.started, 100)
			require.True(t, c.transitions[0] < 10 || x.renamed > 0)
		})
	}
}

// Whichever sync fails, the node stops and says nothing more.
func TestAFailedSyncEndsTheNode(t *testing.T) {
	syncs := 0
	for failsAt(t, syncs+1) {
		syncs++
	}
	require.Greater(t, syncs, 5, "some at boot, and one at least for each transition")
}

// failsAt lives a life in which the n-th sync fails, if there are so many.
func failsAt(t *testing.T, n int) bool {
	l := (&explorer{T: t}).begin(sim.NewDiskModel(512), belief{}, 0)
	for i := range 4 {
		if i == 0 {
			l.step(l.boot())
		} else {
			l.step(l.propose(i))
		}
		for l.disk.InFlight() > 0 {
			done := node.Event{Kind: node.DiskDone}
			if l.disk.NextIsSync() {
				n--
			}
			if n == 0 && l.disk.NextIsSync() {
				done.Token, done.Err = l.disk.FailSync()
				effects, err := l.node.Step(l.now, done)
				require.ErrorIs(t, err, node.ErrStopped)
				require.ErrorIs(t, err, sim.ErrIO)
				require.Empty(t, effects.Sends)
				return true
			}
			done.Token, done.Err = l.disk.Complete()
			l.step(done)
		}
	}
	return false
}

var _ wal.Dir = (*sim.DiskModel)(nil)
