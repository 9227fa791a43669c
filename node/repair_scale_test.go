package node_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/stretchr/testify/require"
)

// mesh is a cluster on a network of constant delay, with instant disks. It counts the
// messages sent, and their bytes in CBOR.
type mesh struct {
	t               require.TestingT
	now             time.Duration
	nodes           []*node.Node // by id, from 1
	disks           []waltest.Disk
	queue           []scheduled // in order of time
	cut             node.ID     // it cannot send or receive; 0: none
	messages, bytes int
	frame           []byte
}

type scheduled struct {
	at time.Duration
	to node.ID
	ev node.Event
}

const meshDelay = 250 * time.Microsecond

func newMesh(t require.TestingT, n int) *mesh { return newMeshWith(t, n, func(*node.Config) {}) }

func newMeshWith(t require.TestingT, n int, change func(*node.Config)) *mesh {
	x := &mesh{t: t, nodes: make([]*node.Node, n+1), disks: make([]waltest.Disk, n+1)}
	for id := 1; id <= n; id++ {
		x.disks[id] = waltest.Disk{}
		cfg := config(id, n)
		cfg.RepairDelay = time.Second
		change(&cfg)
		x.start(cfg)
	}
	return x
}

func (x *mesh) start(cfg node.Config) {
	n, err := node.New(cfg)
	require.NoError(x.t, err)
	x.nodes[cfg.ID] = n
	x.step(cfg.ID, node.Event{Kind: node.Boot, Dir: x.disks[cfg.ID], Incarnation: [16]byte{byte(cfg.ID)}})
}

// step gives a node events and carries out its effects.
func (x *mesh) step(id node.ID, evs ...node.Event) {
	for len(evs) > 0 {
		effects, err := x.nodes[id].StepAll(x.now, evs)
		require.NoError(x.t, err)
		for _, s := range effects.Sends {
			x.send(id, s)
		}
		for _, s := range effects.Timers {
			x.push(scheduled{x.now + s.After, id, node.Event{Kind: node.Timer, Token: s.Token}})
		}
		evs = evs[:0]
		for _, r := range effects.Disk {
			x.disks[id].Execute(r)
			evs = append(evs, node.Event{Kind: node.DiskDone, Token: r.Token})
		}
	}
}

func (x *mesh) send(from node.ID, s node.Send) {
	var err error
	x.frame, err = wire.AppendMessage(x.frame[:0], wire.CBOR{}, s.Message)
	require.NoError(x.t, err)
	x.messages++
	x.bytes += len(x.frame)
	if from != x.cut && s.To != x.cut && s.To < 100 {
		x.push(scheduled{x.now + meshDelay, s.To, node.Event{Kind: node.Receive, From: from, Message: s.Message}})
	}
}

func (x *mesh) push(h scheduled) {
	i, _ := slices.BinarySearchFunc(x.queue, h, func(a, b scheduled) int { return cmp.Or(cmp.Compare(a.at, b.at), -1) })
	x.queue = slices.Insert(x.queue, i, h)
}

// run advances the clock until the queue is empty. It returns the time of the last
// message.
func (x *mesh) run() (last time.Duration) { return x.runFor(1000 * time.Hour) }

func (x *mesh) runFor(d time.Duration) (last time.Duration) {
	for end := x.now + d; len(x.queue) > 0 && x.queue[0].at <= end; {
		h := x.queue[0]
		x.queue = x.queue[1:]
		x.now = h.at
		if h.ev.Kind == node.Receive {
			last = x.now
		}
		x.step(h.to, h.ev)
	}
	return last
}

// load makes some nodes hold machines first to last at a ballot, as chosen.
func (x *mesh) load(first, last int, b node.Ballot, to ...node.ID) {
	proposer := node.ID(1)
	var evs []node.Event
	for i := first; i < last; i++ {
		key := fmt.Sprintf("lifecycle/machine-%d", i)
		v := &node.Value{State: "Init", StateBefore: "Init"}
		for j := range uint64(b.Round) {
			states := []string{"Init", "Running", "Stopped", "Init"}
			v.Version, v.Serial, v.State = j+1, j+1, states[j%3+1]
			v.Window = append(v.Window, node.Entry{ID: node.OpID(fmt.Sprintf("client-%d.%d", i, j)), To: states[j%3+1]})
		}
		evs = append(evs,
			node.Event{Kind: node.Receive, From: proposer, Message: &node.Proposal{Phase: node.Accept, Key: key, Ballot: b, Value: v}},
			node.Event{Kind: node.Receive, From: proposer, Message: &node.Commit{Key: key, Ballot: b, Value: v}})
		if len(evs) >= 512 || i == last-1 {
			for _, id := range to {
				x.step(id, slices.Clone(evs)...)
			}
			evs = evs[:0]
		}
	}
	x.queue = slices.DeleteFunc(x.queue, func(h scheduled) bool { return h.ev.Kind == node.Receive }) // acknowledgments
	x.messages, x.bytes = 0, 0
}

// diverge returns a cluster with the given number of machines. Node 3 has missed the
// changes of some, since it was cut off.
func diverge(t require.TestingT, machines, divergent int) *mesh {
	x := newMesh(t, 3)
	x.run()
	x.load(0, machines, ballot(2, 1), 1, 2, 3)
	x.load(0, divergent, ballot(4, 1), 1, 2)
	return x
}

// A node that has missed every tenth machine catches up without any client. The
// bytes sent are proportional to the missed values.
func TestDivergentNodeCatchesUp(t *testing.T) {
	const machines, divergent = 10_000, 1_000
	x := diverge(t, machines, divergent)
	begin := x.now
	end := x.run()
	for i := range machines {
		key := fmt.Sprintf("lifecycle/machine-%d", i)
		want := x.nodes[1].Inspect(key)
		for _, n := range x.nodes[2:] {
			got := n.Inspect(key)
			require.Equal(t, want.Accepted, got.Accepted)
			require.True(t, want.Learnt.Equal(got.Learnt))
		}
	}
	require.EqualValues(t, divergent, x.nodes[3].Counters().Pulled)
	require.Less(t, x.messages, 2*divergent)
	require.Less(t, x.bytes, 60*machines+600*divergent)
	t.Logf("%d messages, %d bytes, %v", x.messages, x.bytes, end-begin)
}

// One operation is the repair of a cluster of a million machines, of which one node
// has missed a hundred thousand.
func BenchmarkRepair(b *testing.B) {
	for _, c := range []struct{ machines, divergent int }{{10_000, 1_000}, {1_000_000, 100_000}} {
		b.Run(fmt.Sprintf("machines=%d/divergent=%d", c.machines, c.divergent), func(b *testing.B) {
			var x *mesh
			var took time.Duration
			for range b.N {
				b.StopTimer()
				x = diverge(b, c.machines, c.divergent)
				begin := x.now
				b.StartTimer()
				took = x.run() - begin
				require.EqualValues(b, c.divergent, x.nodes[3].Counters().Pulled)
			}
			b.ReportMetric(float64(x.messages), "messages")
			b.ReportMetric(float64(x.bytes), "bytes")
			b.ReportMetric(took.Seconds(), "virtual-s")
			for id, n := range x.nodes[1:] {
				b.Logf("node %d: %+v", id+1, n.Counters())
			}
		})
	}
}
