package member_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// world is a few members, disks that complete operations at once, and a network
// with a latency of one millisecond.
type world struct {
	now              time.Duration
	hosts            []*host // by id, from 1
	inFlight         []packet
	cut              []string // links, as 1>2
	linkRules        []linkRule
	captured         []packet          // by rules, in order of arrival
	randomLoss       func(packet) bool // whether a packet arrives that no rule stops; nil: it does
	introductions    int               // introductions sent
	requests         int               // of clients, by propose and reads
	hideObservations bool              // observations are not printed
	latency          time.Duration     // of messages, beyond a millisecond
	lives            uint64
	wiped            int
	output           strings.Builder
}

type host struct {
	w             *world
	id            node.ID
	cfg           member.Config
	member        *member.Member // nil: down
	disk          waltest.Disk
	diskCopy      waltest.Disk
	slow          bool
	pendingIO     []wal.DiskRequest
	timers        []timer
	incarnation   byte
	otherMessages int // messages other than introductions
}

type packet struct {
	at       time.Duration
	from, to node.ID
	life     uint64
	level    node.Level // of the sender
	message  node.Message
}

// linkRule is the fate of the messages of a kind on a link. Empty means all kinds.
type linkRule struct{ action, link, kind string }

type timer struct {
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
		w.hosts[id] = &host{w: w, id: node.ID(id), cfg: cfg, disk: waltest.Disk{}, incarnation: byte(id)}
	}
	return w
}

func (w *world) print(format string, args ...any) { fmt.Fprintf(&w.output, format+"\n", args...) }

func (h *host) start() {
	h.cfg.Observe = func(f member.Observation) {
		if !h.w.hideObservations {
			h.w.print("%d %v", h.id, f)
		}
	}
	h.cfg.Notify = func(n member.Notice) {
		if n.Level != member.Info {
			h.w.print("%d notice about %d: %s", h.id, n.Peer, n.Text)
		}
	}
	m, err := member.New(h.cfg)
	if err != nil {
		h.w.print("%d %v", h.id, err)
		return
	}
	h.member = m
	h.w.lives++
	h.step(node.Event{Kind: node.Boot, Dir: h.disk, Incarnation: [16]byte{h.incarnation}, Life: h.w.lives})
}

func (h *host) crash() { h.member, h.pendingIO, h.timers, h.slow = nil, nil, nil, false }

func (h *host) wipe() {
	h.crash()
	h.w.wiped++
	h.disk, h.incarnation = waltest.Disk{}, 0xf0+byte(h.w.wiped)
}

func (h *host) step(ev node.Event) {
	if h.member == nil {
		return
	}
	effects, err := h.member.StepAll(h.w.now, []node.Event{ev})
	for _, s := range effects.Sends {
		if s.To > 1100 {
			h.w.print("%d>c%d %v", h.id, s.To-1100, s.Message)
			continue
		}
		if _, ok := s.Message.(*member.Introduction); ok {
			h.w.introductions++
		} else {
			h.otherMessages++
		}
		if m := h.forReceiver(s); m != nil {
			h.w.inFlight = append(h.w.inFlight, packet{h.w.now + time.Millisecond + h.w.latency, h.id, s.To, h.member.Life(), h.cfg.Level, m})
		}
	}
	for _, t := range effects.Timers {
		h.timers = slices.DeleteFunc(h.timers, func(b timer) bool { return b.token == t.Token })
		h.timers = append(h.timers, timer{h.w.now + t.After, t.Token})
	}
	h.pendingIO = append(h.pendingIO, effects.Disk...)
	if err != nil {
		h.w.print("%d ends: %v", h.id, err)
		h.crash()
	}
	if !h.slow {
		h.sync()
	}
}

// forReceiver returns a message in the form for the levels of both ends, if they have some.
func (h *host) forReceiver(s node.Send) node.Message {
	if h.cfg.Level == 0 || int(s.To) >= len(h.w.hosts) {
		return s.Message
	}
	return wire.AtLevel(s.Message, min(h.cfg.Level, h.w.hosts[s.To].cfg.Level))
}

func (h *host) sync() { h.syncSome(math.MaxInt) }

// syncSome has the disk carry out the first n pending operations.
func (h *host) syncSome(n int) {
	for ; n > 0 && len(h.pendingIO) > 0; n-- {
		r := h.pendingIO[0]
		h.pendingIO = h.pendingIO[1:]
		h.disk.Execute(r)
		h.step(node.Event{Kind: node.DiskDone, Token: r.Token})
	}
}

// run advances time: messages arrive, timers fire.
func (w *world) run(d time.Duration) {
	for until := w.now + d; ; {
		next, ring := until+1, (*host)(nil)
		which := -1
		for i, p := range w.inFlight {
			if p.at < next {
				next, which = p.at, i
			}
		}
		for _, h := range w.hosts[1:] {
			for _, b := range h.timers {
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
			i := slices.IndexFunc(ring.timers, func(b timer) bool { return b.at == next })
			token := ring.timers[i].token
			ring.timers = slices.Delete(ring.timers, i, i+1)
			ring.step(node.Event{Kind: node.Timer, Token: token})
			continue
		}
		p := w.inFlight[which]
		w.inFlight = slices.Delete(w.inFlight, which, which+1)
		if w.delivers(p) {
			w.hosts[p.to].step(node.Event{Kind: node.Receive, From: p.from, Life: p.life, Level: p.level, Message: p.message})
		}
	}
}

// delivers reports whether the network delivers a message.
func (w *world) delivers(p packet) bool {
	link := fmt.Sprintf("%d>%d", p.from, p.to)
	_, kind, _ := strings.Cut(fmt.Sprintf("%T", p.message), ".")
	if slices.Contains(w.cut, link) {
		return false
	}
	for _, t := range w.linkRules {
		if t.link != link || t.kind != "" && t.kind != kind {
			continue
		}
		if t.action != "lose" {
			w.captured = append(w.captured, p)
		}
		return t.action == "duplicate"
	}
	return w.randomLoss == nil || w.randomLoss(p)
}

// release removes the rule of a link and sends its captured messages.
func (w *world) release(link string) {
	w.removeRule(link)
	kept := w.captured
	w.captured = nil
	for _, p := range kept {
		if fmt.Sprintf("%d>%d", p.from, p.to) != link {
			w.captured = append(w.captured, p)
			continue
		}
		p.at = w.now + time.Millisecond
		w.inFlight = append(w.inFlight, p)
	}
}

func (w *world) removeRule(link string) {
	w.linkRules = slices.DeleteFunc(w.linkRules, func(t linkRule) bool { return t.link == link })
}

// formatLegacyLog gives a host the log of a version that recorded no clusters,
// with a promise in it.
func (h *host) formatLegacyLog() {
	n, err := node.New(h.cfg.Node)
	must(err)
	promise := &node.Proposal{Phase: node.Prepare, Key: "lifecycle/x", Ballot: node.Ballot{Epoch: 1, Round: 1, Node: 2, Boot: 1}}
	events := []node.Event{
		{Kind: node.Boot, Dir: h.disk, Incarnation: [16]byte{h.incarnation}},
		{Kind: node.Receive, From: 2, Message: promise},
	}
	for _, ev := range events {
		for todo := []node.Event{ev}; len(todo) > 0; todo = todo[1:] {
			effects, err := n.StepAll(0, todo[:1])
			must(err)
			for _, r := range effects.Disk {
				h.disk.Execute(r)
				todo = append(todo, node.Event{Kind: node.DiskDone, Token: r.Token})
			}
		}
	}
}

// restore gives a host a log that was restored from a backup, for a cluster of some name.
func (h *host) restore(backup byte, cluster string) {
	h.wipe()
	first, err := node.FirstSerialAfter(0, 0)
	must(err)
	origin := node.Origin{ID: [32]byte{backup}, Backup: [32]byte{backup}, FirstSerial: first}
	copy(origin.ID[1:], cluster)
	r, err := node.NewRestoration(node.RestorationConfig{
		ID: h.id, Members: h.cfg.Node.Members, Cluster: h.cfg.Node.Cluster, Incarnation: [16]byte{h.incarnation}, Segment: h.cfg.Node.Segment, Origin: origin,
	}, h.disk)
	must(err)
	r.Add("lifecycle/x", &node.Value{Version: 1, Serial: first + 1, StateBefore: "Init", State: "Running", Window: []node.Entry{{ID: "c1.0", To: "Running"}}})
	r.Finish()
	for !r.Finished() {
		for _, q := range r.Take(nil) {
			h.disk.Execute(q)
			r.Done(q.Token, nil)
		}
	}
}
