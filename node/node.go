package node

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// EventKind says which fields of an Event count.
type EventKind uint8

// The kinds of events.
const (
	Boot    EventKind = iota + 1 // first event of a life: Dir, Incarnation, Life
	Receive                      // a message arrived: From, Life, Message
	Timer                        // a timer fired: Token
	Done                         // a disk request ended: Token, Err
	Rest                         // the node is to stop: it prepares to, and Rested says when it has
)

// Event is one step's input.
type Event struct {
	Kind        EventKind
	From        ID
	Life        uint64 // random id of a life: of this node's own, or of the member From when it sent Message
	Message     Message
	Token       uint64
	Err         error
	Dir         wal.Dir  // what the disk holds
	Incarnation [16]byte // random, used if the directory is empty
}

// Effects is one step's output. It is valid until the next step.
type Effects struct {
	Disk   []wal.Request // to be carried out in order
	Sends  []Send        // what they say is durable
	Timers []SetTimer
	Chosen []ChosenValue // what the node has learnt to be chosen, in that order
}

// Send is a message to another process.
type Send struct {
	To      ID
	Message Message
}

// SetTimer asks for a Timer event with Token when the local clock has advanced
// by After. It takes the place of a timer with that token which has not gone off.
// Timers cannot be cancelled.
type SetTimer struct {
	Token uint64
	After time.Duration
}

// Errors of Step. After any of them the node is dead: it must be started anew,
// and what else can be done is in the wrapped error of the log.
var (
	ErrStopped = errors.New("the node has stopped")
)

// Node is one member. Make it with New, give it a Boot event first.
type Node struct {
	cfg         Config
	majority    int
	log         *wal.Log
	boot        uint64
	incarnation [16]byte
	recovered   wal.LSN // where the log of the lives before ends
	starts      []wal.Start
	ready       bool
	err         error
	now         time.Duration

	defs     map[string]*fsm.Definition
	machines map[string]*machine
	last     [slots]*machine // that known was asked for, or nil
	encoded  [slots]encoded  // of the values that were appended to the log last
	byIndex  []*machine      // by the token of their timers; nil where there is none
	vacant   []int           // indexes of byIndex without a machine
	spare    []*work         // of machines at rest
	pins     int             // definitions noted in the log; they are among machines

	lookups []*lookup // definitions that are asked for
	held    []held    // waiting for the log, in order
	inbox   []Message // from this node to itself
	digest  digest
	repair  repair
	lull    lull
	salt    uint64
	out     Effects
	reads   uint64 // read exchanges begun in this boot
	trip    trip
	tickets uint32 // of operations handed over, the last one
	durable wal.LSN
	scratch []byte
	counts  Counters

	proposals       block[Proposal]
	acknowledgments block[Acknowledgment]
	rejects         block[Reject]
	commits         block[Commit]
	requests        block[ReadRequest]
	reports         block[ReadReport]
	operations      block[operation]

	live     live
	appended int64 // bytes, in this step
	credit   int64 // bytes that may be copied forward
}

// block makes short-lived values, some at a time.
type block[T any] struct{ room []T }

func (b *block[T]) make() *T {
	if len(b.room) == 0 {
		b.room = make([]T, 8)
	}
	x := &b.room[0]
	b.room = b.room[1:]
	return x
}

// held is a message that may be said once the log is durable up to after.
type held struct {
	after wal.LSN
	send  Send
}

// Counters count what a node has done since it booted.
type Counters struct {
	Sent      uint64 // messages to others
	Retried   uint64 // of those, sent again
	Received  uint64 // messages from others
	Failed    uint64 // messages that made no sense
	Proposals uint64 // operations that asked for a transition
	Reads     uint64 // operations that asked for the state, linearizable
	Fast      uint64 // rounds begun with a promise at hand
	Slow      uint64 // rounds begun with a prepare
	Exchanges uint64 // read exchanges begun
	Identity  uint64 // reads that needed a round
	Commits   uint64 // rounds that chose a value
	Aborted   uint64 // rounds that failed
	Compared  uint64 // repair: digests compared with a peer's
	Pulled    uint64 // repair: values accepted
	Confirmed uint64 // repair: accepted values learnt to be chosen
	Mended    uint64 // repair: rounds begun
	Skipped   uint64 // repair: machines whose definition is unknown here
	Copied    uint64 // records written again to keep the log short
	Rejects   map[Reason]uint64
}

func (c *Counters) rejected(why Reason) {
	if c.Rejects == nil {
		c.Rejects = map[Reason]uint64{}
	}
	c.Rejects[why]++
}

// New makes a node that has not booted.
func New(cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Members = slices.Sorted(slices.Values(cfg.Members))
	n := &Node{
		cfg: cfg, majority: len(cfg.Members)/2 + 1,
		defs: map[string]*fsm.Definition{}, machines: map[string]*machine{},
		salt: salt(cfg.Cluster),
	}
	for i := range cfg.Definitions {
		n.defs[cfg.Definitions[i].Name] = &cfg.Definitions[i]
	}
	meta := fsm.Definitions()
	n.defs[meta.Name] = &meta
	return n, nil
}

// Step is the only way in. now is the node's local clock, which never goes
// back. A non-nil error ends the node: it must not speak any more, and does
// not.
func (n *Node) Step(now time.Duration, ev Event) (*Effects, error) {
	return n.StepAll(now, []Event{ev})
}

// StepAll is Step for events that have arrived together. What they append to
// the log goes into one batch.
func (n *Node) StepAll(now time.Duration, evs []Event) (*Effects, error) {
	n.out.Disk, n.out.Sends, n.out.Timers = n.out.Disk[:0], n.out.Sends[:0], n.out.Timers[:0]
	n.out.Chosen = n.out.Chosen[:0]
	if n.err != nil {
		return &n.out, n.err
	}
	n.now = max(n.now, now)
	for i := range evs {
		n.handle(&evs[i])
	}
	n.settle()
	if n.err != nil {
		n.out.Sends, n.out.Timers = nil, nil
	}
	return &n.out, n.err
}

func (n *Node) handle(ev *Event) {
	if n.err != nil {
		return
	}
	switch ev.Kind {
	case Boot:
		n.recover(ev)
	case Receive:
		if n.ready {
			n.counts.Received++
			n.receive(ev.From, ev.Message)
		} else {
			n.mark(MarkDeaf)
		}
	case Timer:
		if ev.Token == repairToken {
			n.wakeRepair()
		} else if ev.Token == restToken {
			n.lull.wake(n)
		} else if ev.Token < uint64(len(n.byIndex)) {
			n.wake(n.byIndex[ev.Token])
		}
	case Rest:
		n.lull.begin(n)
	case Done:
		n.log.Done(ev.Token, ev.Err)
		if err := n.log.Failed(); err != nil {
			n.err = fmt.Errorf("%w: %w", ErrStopped, err)
		}
	}
}

// settle lets everything follow that needs no further event: what has become
// durable is said, what the node says to itself is heard, and what was appended
// is handed to the disk.
func (n *Node) settle() {
	next := 0 // of the inbox, to which what is heard may add
	for n.err == nil {
		n.release()
		if next == len(n.inbox) {
			break
		}
		n.receive(n.cfg.ID, n.inbox[next])
		next++
	}
	n.inbox = slices.Delete(n.inbox, 0, next)
	if n.log != nil && n.err == nil {
		n.compact()
		n.out.Disk = n.log.Take(n.out.Disk)
		n.lull.tend(n)
	}
}

// release says what has waited for the log.
func (n *Node) release() {
	if n.log == nil {
		return
	}
	if d := n.log.Durable(); d > n.durable {
		n.durable = d
		n.fact(Fact{Kind: Durable, At: d})
	}
	if !n.ready && n.log.Ready() {
		n.ready = true
		n.fact(Fact{Kind: Booted, Boot: n.boot})
		n.beginRepair()
	}
	i := 0
	for i < len(n.held) && n.held[i].after <= n.durable {
		n.emit(n.held[i].send)
		i++
	}
	if i > 0 {
		n.held = slices.Delete(n.held, 0, i)
	}
}

// say sends m when the log is durable up to after.
func (n *Node) say(to ID, m Message, after wal.LSN) {
	s := Send{to, m}
	if after <= n.durable {
		n.emit(s)
		return
	}
	n.mark(MarkHeld)
	n.held = append(n.held, held{after, s})
}

func (n *Node) emit(s Send) {
	if s.To == n.cfg.ID {
		n.inbox = append(n.inbox, s.Message)
		return
	}
	n.counts.Sent++
	n.out.Sends = append(n.out.Sends, s)
}

// receive takes a message from a member or a client.
func (n *Node) receive(from ID, msg Message) {
	if r, ok := msg.(*Request); ok {
		n.request(from, r)
		return
	}
	if msg == nil || n.member(from) < 0 {
		n.counts.Failed++
		return
	}
	if key, _ := msg.About(); pinned(key) { // this log's, and nobody else's
		n.counts.Failed++
		return
	}
	switch m := msg.(type) {
	case *Proposal:
		n.proposal(from, m)
	case *Acknowledgment:
		n.acknowledgment(from, m)
	case *Reject:
		n.reject(from, m)
	case *Commit:
		n.commit(m)
	case *ReadRequest:
		n.readRequest(from, m)
	case *ReadReport:
		n.readReport(from, m)
	case *Reply:
		n.handedBack(from, m)
	case *RepairRequest:
		n.repairRequest(from, m)
	case *RepairReport:
		n.repairReport(from, m)
	case *RepairValue:
		n.repairValue(from, m)
	default:
		n.counts.Failed++
	}
}

// member is the position of id among the members, or -1.
func (n *Node) member(id ID) int { return slices.Index(n.cfg.Members, id) }

// members is a set of members by position.
type members uint8

func (s members) has(i int) bool { return s&(1<<i) != 0 }
func (s *members) add(i int)     { *s |= 1 << i }
func (s *members) remove(i int)  { *s &^= 1 << i }
func (s members) len() int       { return bits.OnesCount8(uint8(s)) }

// Ready reports whether the node may speak: its boot is durable.
func (n *Node) Ready() bool { return n.ready && n.err == nil }

// Incarnation is that of the node's log: random, made when its directory was
// formatted.
func (n *Node) Incarnation() [16]byte { return n.incarnation }

// Boots is the number of this life, from 1.
func (n *Node) Boots() uint64 { return n.boot }

// Counters is a copy of what the node has counted.
func (n *Node) Counters() Counters {
	c := n.counts
	c.Rejects = map[Reason]uint64{}
	for _, r := range []Reason{Illegal, Mismatch, Forgotten, Conflict, BadRequest, Overloaded, Timeout, UnknownState, UnknownDefinition, StaleBallot, StaleEpoch, Malformed} {
		c.Rejects[r] = n.counts.Rejects[r]
	}
	return c
}

// State is what a node knows of one machine, for tests and tools.
type State struct {
	Promised Ballot
	Accepted Ballot
	Value    *Value // accepted; nil if nothing is
	Chosen   Ballot
	Learnt   *Value // the latest value that this node knows to be chosen; nil if none
}

// Inspect shows what the node knows of a machine. It changes nothing.
func (n *Node) Inspect(key string) State {
	m := n.machines[key]
	if m == nil {
		return State{}
	}
	return State{m.promised, m.accepted, m.value, m.chosenAt, m.chosen}
}

// Waiting says what waits in the node's queues, for tests; it is empty when the
// node is at rest.
func (n *Node) Waiting() string {
	for _, m := range n.byIndex {
		if m != nil && m.work != nil {
			return fmt.Sprintf("%d operations and %d reads of %s", len(m.queue)+len(m.away)+len(m.round.batch), len(m.waiting)+len(m.exchange.batch), m.key)
		}
	}
	if len(n.held)+len(n.inbox)+len(n.lookups) > 0 {
		return fmt.Sprintf("%d messages for the log, %d to itself, %d definitions", len(n.held), len(n.inbox), len(n.lookups))
	}
	return ""
}

// Machines counts the machines that the node has heard of.
func (n *Node) Machines() int { return len(n.machines) - n.pins }

// Keys lists the machines that the node has heard of, in that order.
func (n *Node) Keys() []string {
	keys := make([]string, 0, len(n.machines))
	for _, m := range n.byIndex {
		if m != nil && !pinned(m.key) {
			keys = append(keys, m.key)
		}
	}
	return keys
}
