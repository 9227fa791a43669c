package service

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// The memory that machines at rest take: services make transitions of each of so many
// machines, whose messages cross as bytes, as between real nodes. The metrics are the heap
// that is alive afterwards, of one node, for each machine, and what the operating system
// has given the process, for each node. LOCKSTEP_LONG=1 makes it a million machines.
func BenchmarkResident(b *testing.B) {
	machines := 10_000
	if os.Getenv("LOCKSTEP_LONG") != "" {
		machines = 1_000_000
	}
	for _, nodes := range []int{1, 3} {
		for _, each := range []int{2, 16} {
			b.Run(fmt.Sprintf("nodes=%d/transitions=%d", nodes, each), func(b *testing.B) {
				for b.Loop() {
					benchmarkResident(b, nodes, machines, each)
				}
			})
		}
	}
}

func benchmarkResident(b *testing.B, nodes, machines, each int) {
	before := liveHeap()
	c := newCluster(b, nodes)
	for m := range machines {
		key := fmt.Sprintf("lifecycle/order-%08d", m)
		for i := range each {
			c.propose(m%nodes, key, i)
		}
	}
	for range 100 { // until timers have fired and repair has nothing to do
		c.pass(time.Second)
	}
	b.ReportMetric(float64(liveHeap()-before)/float64(nodes*machines), "B/machine")
	debug.FreeOSMemory()
	b.ReportMetric(float64(residentMemory())/float64(nodes)/1e6, "MB-RSS/node")
	for _, s := range c.services {
		require.Equal(b, machines, s.Member().Node().MachineCount())
	}
}

// residentMemory returns the resident memory of this process in bytes, or 0 if the
// operating system does not tell.
func residentMemory() (bytes int64) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	fmt.Sscan(string(text), &size, &pages)
	return pages * int64(os.Getpagesize())
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// cluster is services that form a cluster. Messages cross as bytes; disks are done at
// once, and keep nothing.
type cluster struct {
	t        testing.TB
	services []*Service
	now      time.Duration
	queue    []delivery
	wake     []time.Duration
	replies  int
	asked    int
}

type delivery struct {
	to int
	ev node.Event
}

func newCluster(t testing.TB, nodes int) *cluster {
	c := &cluster{t: t, wake: make([]time.Duration, nodes)}
	var formed []member.Identity
	var members []node.ID
	for id := 1; id <= nodes; id++ {
		formed = append(formed, member.Identity{ID: node.ID(id), Incarnation: [16]byte{byte(id)}})
		members = append(members, node.ID(id))
	}
	for _, id := range members {
		n := node.Defaults()
		n.ID, n.Members, n.Definitions = id, members, []fsm.Definition{fsm.Lifecycle()}
		m, err := member.New(member.Config{Node: n, Formed: formed})
		require.NoError(t, err)
		s, err := New(m, Config{Pending: DefaultPending, Watchers: DefaultWatchers, Changes: DefaultChanges, Page: DefaultPage, ReadyTimeout: time.Second})
		require.NoError(t, err)
		c.services = append(c.services, s)
	}
	for i := range c.services {
		c.step(i, Event{Member: node.Event{Kind: node.Boot, Dir: waltest.Disk{}, Incarnation: [16]byte{byte(i + 1)}, Life: uint64(i + 1)}})
	}
	c.run()
	for range 1000 { // until all have admitted each other
		c.pass(10 * time.Millisecond)
	}
	return c
}

// pass lets time pass.
func (c *cluster) pass(d time.Duration) {
	c.now += d
	for i := range c.services {
		if c.wake[i] <= c.now {
			c.step(i)
		}
	}
	c.run()
}

// propose makes a machine's next transition.
func (c *cluster) propose(at int, key string, made int) {
	c.asked++
	c.step(at, Event{Kind: Call, Ticket: Ticket(c.asked), Request: &node.Request{
		Kind: node.Propose, Key: key, Attempt: 1, To: fsm.Lifecycle().States[(made+1)%3],
		ID: node.Stamp(key, uint64(made), fmt.Sprintf("client-%09d", c.asked)),
	}})
	c.run()
	require.Equal(c.t, c.asked, c.replies)
	c.pass(10 * time.Millisecond)
}

func (c *cluster) run() {
	for i := 0; i < len(c.queue); i++ {
		c.step(c.queue[i].to, Event{Member: c.queue[i].ev})
	}
	c.queue = c.queue[:0]
}

func (c *cluster) step(i int, evs ...Event) {
	effects, err := c.services[i].Step(c.now, evs)
	require.NoError(c.t, err)
	for _, r := range effects.Replies {
		require.Equal(c.t, node.Committed, r.Reply.Outcome, "%v", r.Reply)
		c.replies++
	}
	for _, s := range effects.Sends {
		frame, err := wire.Binary{}.Append(nil, s.Message)
		require.NoError(c.t, err)
		m, err := wire.Binary{}.Decode(frame)
		require.NoError(c.t, err)
		c.queue = append(c.queue, delivery{int(s.To) - 1, node.Event{Kind: node.Receive, From: node.ID(i + 1), Life: uint64(i + 1), Message: m}})
	}
	for _, r := range effects.Disk {
		if !r.Quiet {
			c.queue = append(c.queue, delivery{i, node.Event{Kind: node.DiskDone, Token: r.Token}})
		}
	}
	c.wake[i] = effects.Wake
}
