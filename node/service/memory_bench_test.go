package service

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// The memory that machines at rest take: three services make transitions of each of so
// many machines, whose messages cross as bytes, as between real nodes. The metric is the
// heap that is alive afterwards, of one node, for each machine.
func BenchmarkResident(b *testing.B) {
	const machines = 10_000
	for _, each := range []int{2, 16} {
		b.Run(fmt.Sprintf("transitions=%d", each), func(b *testing.B) {
			for b.Loop() {
				before := liveHeap()
				c := newTrio(b)
				for m := range machines {
					key := fmt.Sprintf("lifecycle/order-%08d", m)
					for i := range each {
						c.propose(m%3, key, i)
					}
				}
				for range 100 { // until timers have fired and repair has nothing to do
					c.pass(time.Second)
				}
				b.ReportMetric(float64(liveHeap()-before)/3/machines, "B/machine")
				for _, s := range c.services {
					require.Equal(b, machines, s.Member().Node().MachineCount())
				}
			}
		})
	}
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// trio is three services that form a cluster. Messages cross as bytes; disks are done at
// once, and keep nothing.
type trio struct {
	t        testing.TB
	services []*Service
	now      time.Duration
	queue    []delivery
	wake     [3]time.Duration
	replies  int
	asked    int
}

type delivery struct {
	to int
	ev node.Event
}

func newTrio(t testing.TB) *trio {
	c := &trio{t: t}
	var formed []member.Identity
	for id := 1; id <= 3; id++ {
		formed = append(formed, member.Identity{ID: node.ID(id), Incarnation: [16]byte{byte(id)}})
	}
	for id := 1; id <= 3; id++ {
		n := node.Defaults()
		n.ID, n.Members, n.Definitions = node.ID(id), []node.ID{1, 2, 3}, []fsm.Definition{fsm.Lifecycle()}
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
func (c *trio) pass(d time.Duration) {
	c.now += d
	for i := range c.services {
		if c.wake[i] <= c.now {
			c.step(i)
		}
	}
	c.run()
}

// propose makes a machine's next transition.
func (c *trio) propose(at int, key string, made int) {
	c.asked++
	c.step(at, Event{Kind: Call, Ticket: Ticket(c.asked), Request: &node.Request{
		Kind: node.Propose, Key: key, Attempt: 1, To: fsm.Lifecycle().States[(made+1)%3],
		ID: node.Stamp(key, uint64(made), fmt.Sprintf("client-%09d", c.asked)),
	}})
	c.run()
	require.Equal(c.t, c.asked, c.replies)
	c.pass(10 * time.Millisecond)
}

func (c *trio) run() {
	for i := 0; i < len(c.queue); i++ {
		c.step(c.queue[i].to, Event{Member: c.queue[i].ev})
	}
	c.queue = c.queue[:0]
}

func (c *trio) step(i int, evs ...Event) {
	effects, err := c.services[i].Step(c.now, evs)
	require.NoError(c.t, err)
	for _, r := range effects.Replies {
		require.Equal(c.t, node.Committed, r.Reply.Outcome, "%v", r.Reply)
		c.replies++
	}
	for _, s := range effects.Sends {
		frame, err := wire.CBOR{}.Append(nil, s.Message)
		require.NoError(c.t, err)
		m, err := wire.CBOR{}.Decode(frame)
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
