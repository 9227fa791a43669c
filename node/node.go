package node

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sort"
	"time"

	"github.com/lockstep-dst/lockstep/node/arena"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// EventKind is the kind of an Event. It determines which fields count.
type EventKind uint8

// The kinds of events.
const (
	Boot     EventKind = iota + 1 // first event of a life: Dir, Incarnation, Life
	Receive                       // a message arrived: From, Life, Message
	Timer                         // a timer fired: Token
	DiskDone                      // a disk request ended: Token, Err
	SyncMark                      // the node is about to stop: its log's end is to be marked; see Node.IsMarkSynced
	Drain                         // the node is about to stop: it hands over to the others; see Node.HandedOverAt
)

// Event is one step's input.
type Event struct {
	Kind        EventKind
	Level       Level // Receive: of From's build; 0: the latest
	From        ID
	Life        uint64 // random id of this life (Boot), or of the life in which From sent Message
	Message     Message
	Token       uint64
	Err         error
	Dir         wal.Dir  // content of the disk
	Incarnation [16]byte // random; used if the directory is empty
}

// Effects is one step's output. It is valid until the next step.
type Effects struct {
	Disk   []wal.DiskRequest // to be executed in order
	Sends  []Send            // may be sent at once: the state that they rely on is durable
	Timers []SetTimer
	Chosen []ChosenValue // values learnt in this step, in order

	RoundTimes []time.Duration // of the rounds that chose a value in this step, for metrics
}

// Send is a message to another process.
type Send struct {
	To      ID
	Message Message
}

// SetTimer requests a Timer event with Token when the local clock has advanced by
// After. It replaces a pending timer with the same token. Timers cannot be cancelled.
type SetTimer struct {
	Token uint64
	After time.Duration
}

// ErrStopped is wrapped by every error of Step. The node has ended and must be
// restarted. The wrapped error of the log gives the remedy.
var (
	ErrStopped = errors.New("the node has stopped")
)

// Node is one member of a cluster, as a state machine without I/O. New makes it; its
// first event is Boot. Its methods must not be called concurrently.
type Node struct {
	cfg         Config
	epoch       uint32
	quorums     quorums
	log         *wal.Log
	boot        uint64
	incarnation [16]byte
	recovered   wal.LSN // end of the log of earlier lives
	starts      []wal.BootStart
	origin      *Origin // nil: the log began empty
	firstSerial uint64  // from which the machines' serials are counted; 0, unless the cluster was restored
	ready       bool
	err         error
	now         time.Duration

	definitions   definitions
	machines      machineTable
	machineCache  [cacheSlots]*machine // last results of findMachine; nil: none
	folder        folder
	byIndex       []*machine // by token of timer; nil: a free index
	freeIndexes   []uint32   // indexes of byIndex without a machine
	workPool      []*work    // of machines at rest
	busy          []*machine // with work
	localMachines int        // machines that only this log has: definitions and notes

	sendsAwaitingSync  []awaitingSync // in the order of durableAt
	selfMessages       []Message      // from this node to itself
	toBegin            []*machine     // with a round or a quorum read that begins at the end of the step
	repair             repair
	carryOver          carryOver
	register           *machine // of the configuration; nil: there is none yet
	registerText       string   // of which registerEpoch is the epoch
	registerEpoch      uint32
	syncMark           syncMarkState
	out                Effects
	lastExchange       uint64 // ReadIDs used in this boot
	rtt                rttEstimate
	lastLeap           [MaxParticipants]time.Duration // when a member's message last took this node a great leap; 0: never
	lastForwardAttempt uint32                         // of the last forwarded operation
	committedAt        time.Duration                  // of the last round that this node won
	draining           bool                           // see handOver
	durable            wal.LSN
	scratch            []byte
	counts             Counters
	unjudged           uint64 // of Counters.Discarded: see discardUnjudged

	proposals       arena.Arena[Proposal]
	acknowledgments arena.Arena[Acknowledgment]
	rejects         arena.Arena[Reject]
	commits         arena.Arena[Commit]
	extensions      arena.Arena[Extension]
	requests        arena.Arena[ReadRequest]
	reports         arena.Arena[ReadReport]
	operations      arena.Arena[operation]

	liveRecords liveRecords
	kept        [classCount]uint64             // machines and definitions that count towards the quotas
	fullUntil   [MaxParticipants]time.Duration // until then a member counts as without room
	appended    int64                          // bytes, in this step
	copyBudget  int64                          // bytes that may be copied forward

	appendedBytes, copiedBytes, lastCopy uint64 // see Use
}

// arenaBlock is the number of short-lived values that are allocated at a time.
const arenaBlock = 8

// awaitingSync is a message to be sent once the log is durable up to durableAt.
type awaitingSync struct {
	durableAt wal.LSN
	send      Send
}

// Counters are the counts of a node's actions since it booted.
type Counters struct {
	Sent            uint64 // messages to others
	Resent          uint64 // proposals sent again, counted in Sent too
	Received        uint64 // messages from others
	Discarded       uint64 // messages dropped: malformed, of an unknown machine, or while the log falls behind; and invalid chosen definitions
	Proposals       uint64 // operations that request a transition
	Reads           uint64 // linearizable reads
	FastRounds      uint64 // rounds begun with a cached promise
	PrepareRounds   uint64 // rounds begun with a prepare
	QuorumReads     uint64 // quorum reads begun
	NoOpReads       uint64 // reads that needed a round
	Commits         uint64 // rounds that chose a value
	FailedRounds    uint64 // rounds given up
	DigestsCompared uint64 // repair: digests compared with a peer's
	Pulled          uint64 // repair: values accepted
	Confirmed       uint64 // repair: accepted values learnt to be chosen
	NoOpRounds      uint64 // repair: no-op rounds begun
	Skipped         uint64 // repair: machines with a definition unknown to this node
	Copied          uint64 // records written again to keep the log short
	Rejects         map[Reason]uint64
}

func (c *Counters) rejected(why Reason) {
	if c.Rejects == nil {
		c.Rejects = map[Reason]uint64{}
	}
	c.Rejects[why]++
}

// New returns a node that has not booted.
func New(cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Members = slices.Sorted(slices.Values(cfg.Members))
	cfg.RoundLeap = cmp.Or(cfg.RoundLeap, DefaultRoundLeap)
	n := &Node{
		cfg: cfg, epoch: max(cfg.Membership.Epoch, firstEpoch), quorums: newQuorums(cfg.Members, &cfg.Membership),
		firstSerial: cfg.FirstSerial,
		folder:      folder{limit: cmp.Or(cfg.Open, DefaultOpen)},
	}
	n.definitions = newDefinitions(n, &n.cfg, &n.counts)
	n.repair = newRepair(n, &n.cfg, &n.counts, &n.byIndex)
	n.machines, n.liveRecords.machines = newMachineTable(cfg.Jitter, &n.byIndex), &n.byIndex
	return n, nil
}

// Step handles one event and returns its effects. now is the node's local clock,
// which never goes back. After an error the node has ended: it sends nothing any
// more.
func (n *Node) Step(now time.Duration, ev Event) (*Effects, error) {
	return n.StepAll(now, []Event{ev})
}

// StepAll is Step for events that arrived together. Their records are written to
// the log as one batch.
func (n *Node) StepAll(now time.Duration, evs []Event) (*Effects, error) {
	n.out.Disk, n.out.Sends, n.out.Timers = n.out.Disk[:0], n.out.Sends[:0], n.out.Timers[:0]
	n.out.Chosen, n.out.RoundTimes = n.out.Chosen[:0], n.out.RoundTimes[:0]
	if n.err != nil {
		return &n.out, n.err
	}
	n.now = max(n.now, now)
	for i := range evs {
		n.handle(&evs[i])
	}
	n.drain()
	n.folder.foldSpare()
	invariant.Check(n.ready || len(n.out.Sends) == 0, "node: nothing is sent before the boot is durable")
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
		}
	case Timer:
		if ev.Token == repairToken {
			n.repair.wake()
		} else if ev.Token == carryOverToken {
			n.wakeCarryOver()
		} else if ev.Token == syncMarkToken {
			n.syncMark.onTimer(n)
		} else if ev.Token < uint64(len(n.byIndex)) {
			n.wake(n.byIndex[ev.Token])
		}
	case SyncMark:
		n.syncMark.request(n)
	case Drain:
		n.handOver()
	case DiskDone:
		n.log.Done(ev.Token, ev.Err)
		if err := n.log.Failed(); err != nil {
			n.err = fmt.Errorf("%w: %w", ErrStopped, err)
		}
	}
}

// drain carries out everything that needs no further event: it sends messages whose
// state has become durable, handles the node's messages to itself, begins rounds and
// quorum reads, and passes appended records to the disk.
func (n *Node) drain() {
	next := 0 // in selfMessages, to which receive may add
	for n.err == nil {
		n.sendDurable()
		if next < len(n.selfMessages) {
			n.receive(n.cfg.ID, n.selfMessages[next])
			next++
		} else if len(n.toBegin) > 0 {
			n.beginWork()
		} else if !n.advanceCarryOver() {
			break
		}
	}
	n.selfMessages = slices.Delete(n.selfMessages, 0, next)
	if n.log != nil && n.err == nil {
		n.compact()
		n.out.Disk = n.log.Take(n.out.Disk)
		n.syncMark.schedule(n)
	}
}

// sendDurable sends the messages whose state is now durable.
func (n *Node) sendDurable() {
	if n.log == nil {
		return
	}
	d := n.log.Durable()
	invariant.Check(d >= n.durable && d <= n.log.End(), "node: the durable position never goes back, nor past the end of the log")
	if d > n.durable {
		n.durable = d
		n.observe(Observation{Kind: Durable, DurableAt: d})
	}
	if !n.ready && n.log.Ready() {
		n.ready = true
		n.observe(Observation{Kind: BootReady, Boot: n.boot})
		n.repair.begin(n.boot)
	}
	if last := len(n.sendsAwaitingSync) - 1; last >= 0 {
		invariant.Check(n.sendsAwaitingSync[last].durableAt <= n.log.End(), "node: a message waits for a position within the log")
	}
	i := 0
	for i < len(n.sendsAwaitingSync) && n.sendsAwaitingSync[i].durableAt <= n.durable {
		n.send(n.sendsAwaitingSync[i].send)
		i++
	}
	if i > 0 {
		n.sendsAwaitingSync = slices.Delete(n.sendsAwaitingSync, 0, i)
	}
}

// sendWhenDurable sends m once the log is durable up to after.
func (n *Node) sendWhenDurable(to ID, m Message, after wal.LSN) {
	if after <= n.durable {
		n.send(Send{to, m})
		return
	}
	n.mark(MarkSendAwaitsSync)
	n.awaitSync(Send{to, m}, after)
}

// maxAwaiting bounds the messages to peers that await a sync. Honest peers come nowhere
// near it, since each has few rounds of a machine under way. One that sends on and on
// while the disk is stuck gets no more responses.
const maxAwaiting = 1 << 16

// awaitSync keeps s until the log is durable up to after. It waits for no later record: a
// report on a machine whose record is being synced goes before the acknowledgments of
// the batch after it.
func (n *Node) awaitSync(s Send, after wal.LSN) {
	waiting := n.sendsAwaitingSync
	if len(waiting) >= maxAwaiting && n.isPeer(s.To) {
		n.discardUnjudged()
		return
	}
	last := len(waiting) - 1
	if last < 0 || waiting[last].durableAt <= after {
		n.sendsAwaitingSync = append(waiting, awaitingSync{after, s})
		return
	}
	i := sort.Search(last, func(i int) bool { return waiting[i].durableAt > after })
	n.sendsAwaitingSync = slices.Insert(waiting, i, awaitingSync{after, s})
}

func (n *Node) send(s Send) {
	if s.To == n.cfg.ID {
		n.selfMessages = append(n.selfMessages, s.Message)
		return
	}
	n.counts.Sent++
	n.out.Sends = append(n.out.Sends, s)
}

// receive handles a message from a member or a client.
func (n *Node) receive(from ID, msg Message) {
	if r, ok := msg.(*Request); ok {
		n.handleRequest(from, r)
		return
	}
	if msg == nil || n.member(from) < 0 {
		n.counts.Discarded++
		return
	}
	if key, _ := msg.About(); isLocalKey(key) { // of a log alone: no message may name it
		n.counts.Discarded++
		return
	}
	if n.isOfLaterEpoch(msg) {
		n.discardUnjudged()
		return
	}
	switch m := msg.(type) {
	case *Proposal:
		n.handleProposal(from, m)
	case *Acknowledgment:
		n.handleAcknowledgment(from, m)
	case *Reject:
		n.handleReject(from, m)
	case *Commit:
		n.handleCommit(from, m)
	case *ReadRequest:
		n.handleReadRequest(from, m)
	case *ReadReport:
		n.handleReadReport(from, m)
	case *Reply:
		n.handleForwardResponse(from, m)
	case *RepairRequest:
		n.repair.handleRequest(from, m)
	case *RepairReport:
		n.repair.handleReport(from, m)
	case *RepairValue:
		n.repair.handleValue(from, m)
	default:
		n.counts.Discarded++
	}
}

// member returns the index of id in the members, or -1.
func (n *Node) member(id ID) int { return slices.Index(n.cfg.Members, id) }

// memberSet is a set of members by index.
type memberSet uint8

func (s memberSet) has(i int) bool { return s&(1<<i) != 0 }
func (s *memberSet) add(i int)     { *s |= 1 << i }
func (s *memberSet) remove(i int)  { *s &^= 1 << i }
func (s memberSet) len() int       { return bits.OnesCount8(uint8(s)) }

// Ready reports whether the node may send messages: its boot record is durable.
func (n *Node) Ready() bool { return n.ready && n.err == nil }

// Incarnation is the incarnation of the node's log: a random id from when its
// directory was formatted.
func (n *Node) Incarnation() [16]byte { return n.incarnation }

// BootNumber is the number of this life, from 1.
func (n *Node) BootNumber() uint64 { return n.boot }

// HasIncrementalLog reports whether the log is of the form wal.FormIncremental.
func (n *Node) HasIncrementalLog() bool { return n.log.Incremental() }

// Counters returns a copy of the node's counts.
func (n *Node) Counters() Counters {
	c := n.counts
	c.Rejects = map[Reason]uint64{}
	for _, r := range []Reason{Illegal, VersionMismatch, WindowExpired, IDConflict, BadRequest, Overloaded, Timeout, UnknownState, UnknownDefinition, QuotaReached, StaleBallot, StaleEpoch, Malformed, BaseNotHeld} {
		c.Rejects[r] = n.counts.Rejects[r]
	}
	return c
}

// MachineState is a node's state of one machine, for tests and tools.
type MachineState struct {
	Key      string // the node's own copy
	Promised Ballot
	Accepted Ballot
	Value    *Value // accepted; nil: none
	Chosen   Ballot
	Learnt   *Value // the latest value known to be chosen; nil: none
}

// Inspect returns the node's state of a machine, zero if it is unknown.
func (n *Node) Inspect(key string) MachineState {
	m := n.machines.get(key) // not findMachine, which opens it in this epoch: a look changes nothing
	if m == nil {
		return MachineState{}
	}
	value, chosen, chosenAt := m.held()
	return MachineState{m.key, m.promised, m.accepted, value, chosenAt, chosen}
}

// HasValue reports whether the node has accepted or learnt a value of a machine.
func (n *Node) HasValue(key string) bool {
	m := n.machines.get(key)
	return m != nil && (!m.accepted.IsZero() || !m.chosenBallot().IsZero())
}

// Learnt returns the state and the version of a machine by the latest value that the node
// knows to be chosen; ok is false if it knows none.
func (n *Node) Learnt(key string) (state string, version uint64, ok bool) {
	if m := n.machines.get(key); m != nil {
		return m.learnt()
	}
	return "", 0, false
}

// Latest returns the latest value of a machine that the node knows to be chosen; nil if it
// knows none.
func (n *Node) Latest(key string) *Value {
	return n.Inspect(key).Learnt
}

// PendingWork describes the first pending work in the node's queues, for tests. It
// is empty when the node is at rest.
func (n *Node) PendingWork() string {
	for _, m := range n.byIndex {
		if m != nil && m.atWork() {
			return fmt.Sprintf("%d operations and %d reads of %s", m.waiting()+len(m.round.batch), len(m.readQueue)+len(m.quorumRead.batch), m.key)
		}
	}
	if len(n.sendsAwaitingSync)+len(n.selfMessages)+n.definitions.underWay() > 0 {
		return fmt.Sprintf("%d messages that await a sync, %d to itself, %d definitions that it looks for", len(n.sendsAwaitingSync), len(n.selfMessages), n.definitions.underWay())
	}
	return ""
}

// MachineCount is the number of machines that the node has state of.
func (n *Node) MachineCount() int { return n.machines.count - n.localMachines }

// Keys returns the keys of the machines that the node has state of, in a
// deterministic order.
func (n *Node) Keys() []string {
	keys := make([]string, 0, n.machines.count)
	for _, m := range n.byIndex {
		if m != nil && !isLocalKey(m.key) {
			keys = append(keys, m.key)
		}
	}
	return keys
}
