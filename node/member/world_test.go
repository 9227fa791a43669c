package member_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/node/wal/waltest"
)

// world is a few members, disks that do at once what they are told, and a network
// on which everything takes a millisecond.
type world struct {
	now     time.Duration
	hosts   []*host // by id, from 1
	flight  []parcel
	cut     []string // links, as 1>2
	taps    []tap
	kept    []parcel          // by taps, in the order in which it would have arrived
	random  func(parcel) bool // whether something arrives that nothing else stops; nil: it does
	talk    int               // introductions that were sent
	quiet   bool              // facts are not told
	latency time.Duration     // what messages take beyond a millisecond
	lives   uint64
	wiped   int
	told    strings.Builder
}

type host struct {
	w      *world
	id     node.ID
	cfg    member.Config
	member *member.Member // nil: down
	disk   waltest.Disk
	copied waltest.Disk
	slow   bool
	todo   []wal.Request
	bells  []bell
	inc    byte
	said   int // messages that were not introductions
}

type parcel struct {
	at       time.Duration
	from, to node.ID
	life     uint64
	message  node.Message
}

// tap is what happens to the messages of a kind on a link. An empty kind is all.
type tap struct{ how, link, kind string }

type bell struct {
	at    time.Duration
	token uint64
}

func newWorld(n int) *world {
	w := &world{hosts: make([]*host, n+1)}
	for id := 1; id <= n; id++ {
		cfg := member.Config{Node: node.Defaults()}
		cfg.Node.RepairDelay = 0
		cfg.Node.ID, cfg.Node.Jitter, cfg.Node.Cluster = node.ID(id), uint64(id), [16]byte{'t', 'e', 's', 't'}
		cfg.Node.Segment = 4 << 10
		for m := 1; m <= n; m++ {
			cfg.Node.Members = append(cfg.Node.Members, node.ID(m))
		}
		w.hosts[id] = &host{w: w, id: node.ID(id), cfg: cfg, disk: waltest.Disk{}, inc: byte(id)}
	}
	return w
}

func (w *world) tell(format string, args ...any) { fmt.Fprintf(&w.told, format+"\n", args...) }

func (h *host) start() {
	h.cfg.Observe = func(f member.Fact) {
		if !h.w.quiet {
			h.w.tell("%d %v", h.id, f)
		}
	}
	h.cfg.Notify = func(n member.Notice) {
		if n.Level != member.Info {
			h.w.tell("%d notice about %d: %s", h.id, n.Peer, n.Text)
		}
	}
	m, err := member.New(h.cfg)
	if err != nil {
		h.w.tell("%d %v", h.id, err)
		return
	}
	h.member = m
	h.w.lives++
	h.step(node.Event{Kind: node.Boot, Dir: h.disk, Incarnation: [16]byte{h.inc}, Life: h.w.lives})
}

func (h *host) crash() { h.member, h.todo, h.bells, h.slow = nil, nil, nil, false }

func (h *host) wipe() {
	h.crash()
	h.w.wiped++
	h.disk, h.inc = waltest.Disk{}, 0xf0+byte(h.w.wiped)
}

func (h *host) step(ev node.Event) {
	if h.member == nil {
		return
	}
	effects, err := h.member.StepAll(h.w.now, []node.Event{ev})
	for _, s := range effects.Sends {
		if s.To > 100 {
			h.w.tell("%d>c%d %v", h.id, s.To-100, s.Message)
			continue
		}
		if _, ok := s.Message.(*member.Introduction); ok {
			h.w.talk++
		} else {
			h.said++
		}
		h.w.flight = append(h.w.flight, parcel{h.w.now + time.Millisecond + h.w.latency, h.id, s.To, h.member.Life(), s.Message})
	}
	for _, t := range effects.Timers {
		h.bells = slices.DeleteFunc(h.bells, func(b bell) bool { return b.token == t.Token })
		h.bells = append(h.bells, bell{h.w.now + t.After, t.Token})
	}
	h.todo = append(h.todo, effects.Disk...)
	if err != nil {
		h.w.tell("%d ends: %v", h.id, err)
		h.crash()
	}
	if !h.slow {
		h.sync()
	}
}

func (h *host) sync() { h.syncSome(math.MaxInt) }

// syncSome has the disk do the first n things that it was given.
func (h *host) syncSome(n int) {
	for ; n > 0 && len(h.todo) > 0; n-- {
		r := h.todo[0]
		h.todo = h.todo[1:]
		h.disk.Execute(r)
		h.step(node.Event{Kind: node.Done, Token: r.Token})
	}
}

// run lets time pass: what is under way arrives, timers ring.
func (w *world) run(d time.Duration) {
	for until := w.now + d; ; {
		next, ring := until+1, (*host)(nil)
		which := -1
		for i, p := range w.flight {
			if p.at < next {
				next, which = p.at, i
			}
		}
		for _, h := range w.hosts[1:] {
			for _, b := range h.bells {
				if b.at < next {
					next, which, ring = b.at, int(b.token&0xffff), h
				}
			}
		}
		if next > until {
			w.now = until
			return
		}
		w.now = max(w.now, next)
		if ring != nil {
			i := slices.IndexFunc(ring.bells, func(b bell) bool { return b.at == next })
			token := ring.bells[i].token
			ring.bells = slices.Delete(ring.bells, i, i+1)
			ring.step(node.Event{Kind: node.Timer, Token: token})
			continue
		}
		p := w.flight[which]
		w.flight = slices.Delete(w.flight, which, which+1)
		if w.arrives(p) {
			w.hosts[p.to].step(node.Event{Kind: node.Receive, From: p.from, Life: p.life, Message: p.message})
		}
	}
}

// arrives reports whether a message comes out of the network.
func (w *world) arrives(p parcel) bool {
	link := fmt.Sprintf("%d>%d", p.from, p.to)
	_, kind, _ := strings.Cut(fmt.Sprintf("%T", p.message), ".")
	if slices.Contains(w.cut, link) {
		return false
	}
	for _, t := range w.taps {
		if t.link != link || t.kind != "" && t.kind != kind {
			continue
		}
		if t.how != "lose" {
			w.kept = append(w.kept, p)
		}
		return t.how == "duplicate"
	}
	return w.random == nil || w.random(p)
}

// release sends on what was kept of a link, which is as others from now on.
func (w *world) release(link string) {
	w.untap(link)
	kept := w.kept
	w.kept = nil
	for _, p := range kept {
		if fmt.Sprintf("%d>%d", p.from, p.to) != link {
			w.kept = append(w.kept, p)
			continue
		}
		p.at = w.now + time.Millisecond
		w.flight = append(w.flight, p)
	}
}

func (w *world) untap(link string) {
	w.taps = slices.DeleteFunc(w.taps, func(t tap) bool { return t.link == link })
}

// inherit gives a host the log of a node of before clusters were recorded, which has
// promised something.
func (h *host) inherit() {
	n, err := node.New(h.cfg.Node)
	must(err)
	promise := &node.Proposal{Phase: node.Prepare, Key: "lifecycle/x", Ballot: node.Ballot{Epoch: 1, Round: 1, Node: 2, Boot: 1}}
	events := []node.Event{
		{Kind: node.Boot, Dir: h.disk, Incarnation: [16]byte{h.inc}},
		{Kind: node.Receive, From: 2, Message: promise},
	}
	for _, ev := range events {
		for todo := []node.Event{ev}; len(todo) > 0; todo = todo[1:] {
			effects, err := n.StepAll(0, todo[:1])
			must(err)
			for _, r := range effects.Disk {
				h.disk.Execute(r)
				todo = append(todo, node.Event{Kind: node.Done, Token: r.Token})
			}
		}
	}
}
