package tcp_test

import (
	"sync/atomic"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/tcp"
)

// An operation is an accept proposal with a dedup window of 16 entries, sent by
// one member and delivered to another, over loopback, with 512 in flight.
func BenchmarkLink(b *testing.B) {
	v := &node.Value{Version: 16, State: "Running"}
	for range 16 {
		v.Window = append(v.Window, node.Entry{ID: "client-1.1015", To: "Running"})
	}
	ballot, next := node.Ballot{Epoch: 1, Round: 1007, Node: 2, Boot: 3}, node.Ballot{Epoch: 1, Round: 1008, Node: 2, Boot: 3}
	m := &node.Proposal{Phase: node.Accept, Key: "lifecycle/web-1", Ballot: ballot, Value: v, Next: next, First: "client-1.1015"}

	window := make(chan struct{}, 512) // messages in flight
	members := cluster(b, 2, func(c *tcp.Config) {
		c.Deliver = func(_ tcp.Sender, arrived []node.Message) {
			for range arrived {
				<-window
			}
		}
	})
	eventually(b, "up", func() bool { return members[0].peer(2).Up })
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		window <- struct{}{}
		if !members[0].Send(2, m) {
			b.Fatal("dropped")
		}
	}
	for range cap(window) {
		window <- struct{}{} // all have arrived
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// An operation is a message to the other member and one back.
func BenchmarkRoundTrip(b *testing.B) {
	back := make(chan struct{}, 1)
	var two atomic.Pointer[member]
	members := cluster(b, 2, func(c *tcp.Config) {
		if c.Hello.Node == 1 {
			c.Deliver = func(tcp.Sender, []node.Message) { back <- struct{}{} }
			return
		}
		c.Deliver = func(_ tcp.Sender, arrived []node.Message) { two.Load().Send(1, arrived...) }
	})
	two.Store(members[1])
	eventually(b, "up", func() bool { return members[0].peer(2).Up && members[1].peer(1).Up })
	b.ResetTimer()
	for n := range b.N {
		members[0].Send(2, numbered(n))
		<-back
	}
}
