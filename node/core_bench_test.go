package node_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/stretchr/testify/require"
)

// One operation is one transition of a machine by a cluster of three. It measures
// the nodes alone: the network is a queue, and disks are done at once.
func BenchmarkCore(b *testing.B) {
	c := newCores(b, 3)
	ids := make([]node.OpID, 1<<16)
	stamp := func(from uint64) { // the client's part, not measured
		for i := range ids {
			ids[i] = node.Stamp(key, from+uint64(i), fmt.Sprintf("c1.%d", i))
		}
	}
	states := []string{"Running", "Stopped", "Init"}
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		if i%(1<<16) == 0 {
			b.StopTimer()
			stamp(i)
			b.StartTimer()
		}
		req := &node.Request{Kind: node.Propose, Key: key, ID: ids[i%(1<<16)], Attempt: 1, To: states[i%3]}
		c.step(1, node.Event{Kind: node.Receive, From: 101, Message: req})
		c.run()
		i++
		if c.committed != i {
			b.Fatalf("transition %d was not committed", i)
		}
	}
	b.ReportMetric(float64(c.messages)/float64(i), "messages/op")
}

// cores is a cluster: its nodes, messages in flight, and pending disk requests.
type cores struct {
	nodes     []*node.Node
	events    []delivery
	committed uint64
	messages  uint64
}

type delivery struct {
	at int
	ev node.Event
}

func newCores(b *testing.B, n int) *cores {
	c := &cores{nodes: make([]*node.Node, n+1)}
	for id := 1; id <= n; id++ {
		cfg := config(id, n)
		cfg.Segment = 16 << 20
		made, err := node.New(cfg)
		require.NoError(b, err)
		c.nodes[id] = made
		c.step(id, node.Event{Kind: node.Boot, Dir: waltest.Disk{}, Incarnation: [16]byte{byte(id)}})
	}
	c.run()
	return c
}

// step steps a node. Its writes are done at once, and discarded.
func (c *cores) step(id int, ev node.Event) {
	effects, err := c.nodes[id].Step(0, ev)
	if err != nil {
		panic(err)
	}
	for _, s := range effects.Sends {
		if s.To > 100 {
			if s.Message.(*node.Reply).Outcome == node.Committed {
				c.committed++
			}
			continue
		}
		c.messages++
		c.events = append(c.events, delivery{int(s.To), node.Event{Kind: node.Receive, From: node.ID(id), Message: s.Message}})
	}
	for i := range effects.Disk {
		c.events = append(c.events, delivery{id, node.Event{Kind: node.DiskDone, Token: effects.Disk[i].Token}})
	}
}

func (c *cores) run() {
	for i := 0; i < len(c.events); i++ {
		c.step(c.events[i].at, c.events[i].ev)
	}
	c.events = c.events[:0]
}
