package node_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/node/wal/waltest"
)

// world is a cluster driven by hand: nothing moves unless it is told to. Only
// disks act by themselves, at once, until they are told to be slow.
type world struct {
	now          time.Duration
	hosts        []*host // by id, from 1
	inFlight     []packet
	blockedLinks []string // links that deliver passes over
	verbose      bool     // tell all facts
	transcript   strings.Builder
	replies      []*node.Reply // to clients, all of them
}

// host is what a node runs on. Its disk survives it.
type host struct {
	w         *world
	id        node.ID
	cfg       node.Config
	node      *node.Node // nil: down
	disk      waltest.Disk
	slow      bool
	pendingIO []wal.DiskRequest // given to the disk, not executed
	timers    []timer
}

type packet struct {
	from, to node.ID
	message  node.Message
}

func (p packet) link() string   { return fmt.Sprintf("%d>%d", p.from, p.to) }
func (p packet) String() string { return fmt.Sprintf("%-4s %v", p.link(), p.message) }

type timer struct {
	at    time.Duration
	token uint64
}

// newWorld is a cluster of nodes 1 to n, ready.
func newWorld(n int, change func(*node.Config)) *world {
	w := &world{hosts: make([]*host, n+1)}
	for id := 1; id <= n; id++ {
		w.hosts[id] = &host{w: w, id: node.ID(id), cfg: config(id, n), disk: waltest.Disk{}}
		if change != nil {
			change(&w.hosts[id].cfg)
		}
		w.hosts[id].start()
	}
	w.transcript.Reset()
	return w
}

// config is that of node id of n.
func config(id, n int) node.Config {
	cfg := node.Defaults()
	cfg.RepairDelay = 0 // unless a test is about it
	cfg.ID, cfg.Jitter, cfg.Cluster = node.ID(id), uint64(id), [16]byte{'t', 'e', 's', 't'}
	cfg.Segment = 4 << 10
	for m := 1; m <= n; m++ {
		cfg.Members = append(cfg.Members, node.ID(m))
	}
	return cfg
}

func (h *host) start() {
	h.cfg.Observer = h
	n, err := node.New(h.cfg)
	if err != nil {
		h.w.printf("%-4d %v", h.id, err)
		return
	}
	h.node = n
	h.step(node.Event{Kind: node.Boot, Dir: h.disk, Incarnation: [16]byte{byte(h.id)}})
}

// crash takes all that the disk has not executed.
func (h *host) crash() { h.node, h.pendingIO, h.timers = nil, nil, nil }

// Observe tells the facts that a reader of a transcript cannot see in messages,
// or all of them.
func (h *host) Observe(f node.Observation) {
	switch f.Kind {
	case node.BootReady, node.Proposed, node.Chosen, node.RoundEnded:
	default:
		if !h.w.verbose {
			return
		}
	}
	h.w.printf("%-4d %v", h.id, f)
}

// step gives the node an event and takes its effects. Clients have ids from 100
// on, and hear at once.
func (h *host) step(ev node.Event) {
	effects, err := h.node.Step(h.w.now, ev)
	for _, s := range effects.Sends {
		if s.To > 100 {
			h.w.replies = append(h.w.replies, s.Message.(*node.Reply))
			h.w.printf("%d>c%d %v", h.id, s.To-100, s.Message)
			continue
		}
		h.w.inFlight = append(h.w.inFlight, packet{h.id, s.To, s.Message})
	}
	for _, t := range effects.Timers {
		h.timers = append(h.timers, timer{h.w.now + t.After, t.Token})
	}
	h.pendingIO = append(h.pendingIO, effects.Disk...)
	if err != nil {
		h.w.printf("%-4d %v", h.id, err)
	}
	if !h.slow {
		h.sync()
	}
}

// sync has the disk do what it has been given.
func (h *host) sync() {
	for range len(h.pendingIO) {
		r := h.pendingIO[0]
		h.pendingIO = h.pendingIO[1:]
		h.disk.Execute(r)
		h.step(node.Event{Kind: node.DiskDone, Token: r.Token})
		if len(h.pendingIO) == 0 {
			return
		}
	}
}

// request is what a client, as in c1.1, asks of a node.
func (w *world) request(to int, r *node.Request) {
	var client, sequence int
	fmt.Sscanf(r.ID.Name(), "c%d.%d", &client, &sequence)
	w.hosts[to].step(node.Event{Kind: node.Receive, From: node.ID(100 + client), Message: r})
}

// take removes from flight what is on one of the links, at most count.
func (w *world) take(count int, links ...string) (taken []packet) {
	w.inFlight = slices.DeleteFunc(w.inFlight, func(p packet) bool {
		if len(taken) == count || !matches(p, links) {
			return false
		}
		taken = append(taken, p)
		return true
	})
	return taken
}

// matches finds a parcel's link among patterns such as 1>2, 1> (from 1) and >2.
func matches(p packet, links []string) bool {
	return slices.ContainsFunc(links, func(l string) bool {
		from, to, _ := strings.Cut(l, ">")
		return (from == "" || from == fmt.Sprint(p.from)) && (to == "" || to == fmt.Sprint(p.to))
	})
}

func (w *world) deliver(p packet) {
	h := w.hosts[p.to]
	if h.node == nil {
		w.printf("%v: nobody hears", p)
		return
	}
	w.printf("%v", p)
	h.step(node.Event{Kind: node.Receive, From: p.from, Message: p.message})
}

// deliverAll goes on until only held messages are in flight.
func (w *world) deliverAll() {
	for {
		i := slices.IndexFunc(w.inFlight, func(p packet) bool { return !matches(p, w.blockedLinks) })
		if i < 0 {
			return
		}
		p := w.inFlight[i]
		w.inFlight = slices.Delete(w.inFlight, i, i+1)
		w.deliver(p)
	}
}

// tick lets time pass. Timers ring in the order of their times.
func (w *world) tick(d time.Duration) {
	end := w.now + d
	for {
		var next *host
		at := 0
		for _, h := range w.hosts[1:] {
			for i, b := range h.timers {
				if b.at <= end && (next == nil || b.at < next.timers[at].at) {
					next, at = h, i
				}
			}
		}
		if next == nil {
			w.now = end
			return
		}
		b := next.timers[at]
		next.timers = slices.Delete(next.timers, at, at+1)
		w.now = max(w.now, b.at)
		next.step(node.Event{Kind: node.Timer, Token: b.token})
	}
}

func (w *world) printf(format string, args ...any) {
	fmt.Fprintf(&w.transcript, format+"\n", args...)
}

// takeTranscript is what has been told since it was last asked.
func (w *world) takeTranscript() string {
	defer w.transcript.Reset()
	return w.transcript.String()
}
