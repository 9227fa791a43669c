package sim

import (
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// ball is the message of the benchmark's nodes.
type ball uint64

func (b *ball) FateKey() uint64  { return uint64(*b) }
func (b *ball) Digest() uint64   { return uint64(*b) }
func (b *ball) FateName() string { return "ball game b" }
func (b *ball) String() string   { return b.FateName() }

// player sends its balls at boot, and sends each ball that it receives on to one
// of its peers, in turn.
type player struct {
	peers []ID
	balls []ball
	turn  int
}

func (p *player) Step(_ Duration, ev *Event, out *Effects) {
	switch ev.Kind {
	case Boot:
		for i := range p.balls {
			p.throw(&p.balls[i], out)
		}
	case Receive:
		p.throw(ev.Message, out)
	}
}

func (p *player) throw(b Message, out *Effects) {
	p.turn++
	out.Send(p.peers[p.turn%len(p.peers)], b)
}

// game returns a world of five players with eight balls each.
func game(b *testing.B) *World {
	cfg := Config{
		Seed:    1,
		Network: netmodel.Profile{Delay: netmodel.Delay{Kind: netmodel.Uniform, Min: netmodel.Millisecond, Max: 5 * netmodel.Millisecond}},
		New: func(id ID, _ int) Process {
			p := &player{balls: make([]ball, 8)}
			for peer := ID(1); peer <= 5; peer++ {
				if peer != id {
					p.peers = append(p.peers, peer)
				}
			}
			for i := range p.balls {
				p.balls[i] = ball(keyed.Mix(uint64(id), uint64(i)))
			}
			return p
		},
	}
	for id := ID(1); id <= 5; id++ {
		cfg.Processes = append(cfg.Processes, Spec{ID: id})
	}
	w, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	for id := ID(1); id <= 5; id++ {
		w.Start(id)
	}
	return w
}

// BenchmarkPingPong measures the cost of one message without a protocol: verdict,
// queue, hash, step. The goal is four million a second on one core and no
// allocation.
func BenchmarkPingPong(b *testing.B) {
	w := game(b)
	for range 10_000 {
		w.Step()
	}
	before := w.Stats().Delivered
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		w.Step()
	}
	b.ReportMetric(float64(w.Stats().Delivered-before)/b.Elapsed().Seconds(), "msgs/s")
}

// BenchmarkQueue measures the cost of one push and one pop in a queue of a
// thousand.
func BenchmarkQueue(b *testing.B) {
	var q queue
	var r record
	k := keyed.Seed(1)
	for i := range uint64(1000) {
		q.push(Duration(k.Word(i).Below(1000)), record{})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range uint64(b.N) {
		at := q.pop(&r)
		q.push(at+1+Duration(k.Word(i).Below(1000)), r)
	}
}
