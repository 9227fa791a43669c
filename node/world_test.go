package node_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// world is a cluster driven by hand: messages and time move only on request. Disks
// execute requests at once, unless they are slow.
type world struct {
	now          time.Duration
	hosts        []*host // by id, from 1
	inFlight     []packet
	blockedLinks []string // links that deliverAll skips
	verbose      bool     // print all observations
	transcript   strings.Builder
	replies      []*node.Reply // to clients, all of them
}

// host runs a node. Its disk outlives the node.
type host struct {
	w         *world
	id        node.ID
	cfg       node.Config
	node      *node.Node // nil: down
	disk      waltest.Disk
	slow      bool
	pendingIO []wal.DiskRequest // requests to the disk, not executed yet
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

// newWorld returns a cluster of nodes 1 to n, ready.
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

// config is the configuration of node id of n.
func config(id, n int) node.Config {
	cfg := node.Defaults()
	cfg.RepairDelay = 0 // tests of repair set it
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

// crash ends the node and drops the requests that the disk has not executed.
func (h *host) crash() { h.node, h.pendingIO, h.timers = nil, nil, nil }

// Observe prints the observations that a transcript's messages do not show, or all of
// them if verbose.
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

// step gives the node an event and handles its effects. Clients have ids above 100,
// and get their replies at once.
func (h *host) step(ev node.Event) {
	h.handle(h.node.Step(h.w.now, ev))
}

func (h *host) handle(effects *node.Effects, err error) {
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

// sync executes the disk's pending requests.
func (h *host) sync() {
	for range len(h.pendingIO) {
		h.executeNext()
		if len(h.pendingIO) == 0 {
			return
		}
	}
}

// executeNext executes the first of the disk's pending requests.
func (h *host) executeNext() {
	r := h.pendingIO[0]
	h.pendingIO = h.pendingIO[1:]
	h.disk.Execute(r)
	h.step(node.Event{Kind: node.DiskDone, Token: r.Token})
}

// request sends a client's request to a node. The id's name gives the client: 1 in
// c1.1.
func (w *world) request(to int, r *node.Request) {
	var client, sequence int
	fmt.Sscanf(r.ID.Name(), "c%d.%d", &client, &sequence)
	w.hosts[to].step(node.Event{Kind: node.Receive, From: node.ID(100 + client), Message: r})
}

// take removes the messages on the given links from flight, at most count of them
// unless it is -1.
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

// matches reports whether a packet's link matches a pattern: 1>2, 1> (from 1) or >2.
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

// deliverAll delivers until only messages on blocked links are in flight.
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

// tick advances the clock. Timers fire in the order of their times.
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

// takeTranscript returns the output since the last call.
func (w *world) takeTranscript() string {
	defer w.transcript.Reset()
	return w.transcript.String()
}
