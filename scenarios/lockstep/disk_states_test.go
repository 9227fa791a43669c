package lockstep

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

// acknowledged is the state that a node, the only member of its cluster, has acknowledged
// over all its lives. No crash may undo it.
type acknowledged struct {
	boot               uint64 // last boot that was ready
	incarnation        byte   // of its log, since then
	promised, accepted node.Ballot
	version            uint64 // last version committed to a client
}

// checkSurvives checks a node that has read its disk.
func (b acknowledged) checkSurvives(n *node.Node) error {
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

// singleNode is a plan with one node.
var singleNode = &scenarios.Plan{
	Nodes: 1, Definitions: []fsm.Definition{fsm.Lifecycle()},
	Knobs: scenarios.Knobs{ConsensusTimeout: netmodel.Second, ResendTimeout: netmodel.Second, Segment: 256},
}

// explorer visits every state that a node's disk can be in within a few short lives.
// Between any two steps it takes a process crash and a power loss, each with every
// state that it may leave, and it fails each sync.
type explorer struct {
	*testing.T
	transitions []int           // number that a client requests, by life
	seen        map[uint64]bool // hashes of the states explored so far
	visited     int             // states left by crashes
	started     int             // distinct states from which a node started
	renamed     int             // log files used again
}

// alreadySeen reports whether this state was explored before, and records it.
func (x *explorer) alreadySeen(what string, d *disk.Model, b acknowledged, number int) bool {
	h := keyed.Mix(d.Digest(), keyed.String(fmt.Sprint(what, b, number)))
	if x.seen[h] {
		return true
	}
	x.seen[h] = true
	return false
}

// nodeLife is one life of the node.
type nodeLife struct {
	x       *explorer
	number  int
	node    *node.Node
	disk    *disk.Model
	acked   acknowledged
	pending []node.Observation // promised and accepted, not durable yet
	now     time.Duration
}

// Observe implements node.Observer.
func (l *nodeLife) Observe(f node.Observation) {
	b := &l.acked
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

// explore runs the life that begins with a disk. From every point of it, it explores the
// lives that follow a crash at that point.
func (x *explorer) explore(d *disk.Model, b acknowledged, number int) {
	x.visited++
	if x.alreadySeen("life", d, b, number) {
		return
	}
	x.started++
	l := x.begin(d, b, number)
	l.step(l.boot())
	require.NoError(x, b.checkSurvives(l.node))
	if number == len(x.transitions) {
		return
	}
	l.finish()
	require.True(x, l.node.Ready())
	for i := range x.transitions[number] {
		l.step(l.propose(i))
		l.finish()
		require.Equal(x, l.node.Inspect(key).Accepted, l.acked.accepted)
	}
}

// begin makes the node of a life.
func (x *explorer) begin(d *disk.Model, b acknowledged, number int) *nodeLife {
	l := &nodeLife{x: x, number: number, disk: d, acked: b}
	cfg := newRun(singleNode).config(1, 1)
	cfg.Observer = l
	n, err := node.New(cfg)
	require.NoError(x, err)
	l.node = n
	return l
}

func (l *nodeLife) boot() node.Event {
	return node.Event{Kind: node.Boot, Dir: l.disk, Incarnation: [16]byte{byte(l.number + 1)}}
}

// step handles one event, and submits the node's requests to the disk.
func (l *nodeLife) step(ev node.Event) {
	l.now += time.Millisecond
	effects, err := l.node.Step(l.now, ev)
	require.NoError(l.x, err)
	for i := range effects.Disk {
		if effects.Disk[i].Op == wal.Rename {
			l.x.renamed++
		}
		l.disk.Submit(diskRequest(&effects.Disk[i]))
		l.exploreCrashes(l.disk)
	}
}

// propose is a request for the next transition.
func (l *nodeLife) propose(i int) node.Event {
	s, base := "Init", uint64(0)
	if v := l.node.Inspect(key).Value; v != nil {
		s, base = v.State, l.acked.version
	}
	next := map[string]string{"Init": "Running", "Running": "Stopped", "Stopped": "Init"}
	return node.Event{Kind: node.Receive, From: 101, Message: &node.Request{
		Kind: node.Propose, Key: key, ID: node.Stamp(key, base, fmt.Sprintf("l%d.%d", l.number, i)), Attempt: 1, To: next[s],
	}}
}

// finish completes all disk requests in flight.
func (l *nodeLife) finish() {
	for l.disk.InFlight() > 0 {
		l.exploreFailedSync()
		token, err := l.disk.Complete()
		require.NoError(l.x, err)
		l.exploreCrashes(l.disk) // the node has not received the completion
		l.step(node.Event{Kind: node.DiskDone, Token: token})
		l.exploreCrashes(l.disk)
	}
}

const maxCrashStates = 1 << 16

// exploreCrashes explores every state that a crash at this point may leave.
func (l *nodeLife) exploreCrashes(d *disk.Model) {
	if l.number == len(l.x.transitions) || l.x.alreadySeen("crash", d, l.acked, l.number) {
		return
	}
	for state, err := range d.ProcessCrashes(maxCrashStates) {
		require.NoError(l.x, err)
		l.x.explore(state, l.acked, l.number+1)
	}
	for state, err := range d.PowerLosses(maxCrashStates) {
		require.NoError(l.x, err)
		l.x.explore(state, l.acked, l.number+1)
	}
}

// exploreFailedSync explores the states after a failure of the next sync, which stops
// the node.
func (l *nodeLife) exploreFailedSync() {
	d := l.disk.Clone()
	if !d.NextIsSync() {
		return
	}
	_, err := d.FailSync()
	require.ErrorIs(l.x, err, disk.ErrIO)
	l.exploreCrashes(d)
}

// From every state that a crash may leave on the disk, the node starts, keeps all that it
// has acknowledged, and uses a new boot number.
func TestNothingAcknowledgedIsLostInAnyDiskState(t *testing.T) {
	for _, c := range []struct {
		sector      int
		scatter     bool
		transitions []int
		long        bool // only with LOCKSTEP_LONG
	}{
		{20, false, []int{1, 0}, false}, // the sectors tear each slot of the mark
		{20, false, []int{2, 0}, true},
		{16, false, []int{2, 0}, true},
		{32, false, []int{2, 1}, false},
		{64, false, []int{2, 1}, false},
		{64, true, []int{2, 1}, false},
		{512, false, []int{3, 1}, false},
		{64, false, []int{14, 0}, false}, // log files are used again
	} {
		if c.long && os.Getenv("LOCKSTEP_LONG") == "" {
			continue
		}
		t.Run(fmt.Sprintf("sectors of %d bytes, scattered %v, %d transitions", c.sector, c.scatter, c.transitions), func(t *testing.T) {
			x := &explorer{T: t, transitions: c.transitions, seen: map[uint64]bool{}}
			d := disk.NewModel(c.sector)
			if c.scatter {
				d.ScatterSectors()
			}
			x.explore(d, acknowledged{}, 0)
			t.Logf("%d states visited, %d of them different, %d files used again", x.visited, x.started, x.renamed)
			require.Greater(t, x.started, 100)
			require.True(t, c.transitions[0] < 10 || x.renamed > 0)
		})
	}
}

// Whichever sync fails, the node stops and sends nothing more.
func TestAFailedSyncEndsTheNode(t *testing.T) {
	syncs := 0
	for stopsAtSync(t, syncs+1) {
		syncs++
	}
	require.Greater(t, syncs, 5, "some at boot, and one at least for each transition")
}

// stopsAtSync runs a life in which the n-th sync fails. It reports whether there are
// n syncs.
func stopsAtSync(t *testing.T, n int) bool {
	l := (&explorer{T: t}).begin(disk.NewModel(512), acknowledged{}, 0)
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
				require.ErrorIs(t, err, disk.ErrIO)
				require.Empty(t, effects.Sends)
				return true
			}
			done.Token, done.Err = l.disk.Complete()
			l.step(done)
		}
	}
	return false
}

var _ wal.Dir = (*disk.Model)(nil)
