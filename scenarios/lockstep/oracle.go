package lockstep

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/arena"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// oracle checks the invariants that the protocol rests on, observation by observation.
// It sees all nodes, and keeps its knowledge when one of them crashes.
type oracle struct {
	plan                 *scenarios.Plan
	keys                 []string // of the plan's machines
	configurations       configurations
	chosenConfigurations []string // texts, in the order in which they were chosen
	latestProposed       uint32   // epoch of the latest configuration that was proposed
	machines             map[string]*machineTruth
	machineCache         [4]*machineTruth // direct-mapped by the last byte of the key
	nodes                []nodeTruth      // by node id
	pending              []pendingAttempt // attempts that have arrived, in order
	ballots              arena.Arena[ballotRecord]
	operations           arena.Arena[operation]

	now      scenarios.Duration // time of the current observation
	id       sim.ID
	shownNow []node.ChosenValue // learnt by the node in the current step
}

// machineTruth is the ground truth of one machine.
type machineTruth struct {
	key            string
	durable        [scenarios.MaxNodes + 1]durableBallots // by node id
	proposers      [scenarios.MaxNodes + 1]proposerState
	waiting        [scenarios.MaxNodes + 1]waitingRequests
	shown          [scenarios.MaxNodes + 1]uint64             // by node id: 1 + the highest version shown in this life; 0: none
	known          [scenarios.MaxNodes + 1]uint64             // by node id: the highest serial shown in this life
	proposed       [scenarios.MaxNodes + 1][]proposedAttempt  // by node id: attempts that it has proposed in this life
	readAt         [scenarios.MaxNodes + 1]scenarios.Duration // by node id: when it has last asked the others for it
	ballots        map[node.Ballot]*ballotRecord              // every ballot that was proposed or requested as the next
	ballotCache    [2]cachedBallot                            // the last two lookups of votes
	highestChosen  node.Ballot                                // highest chosen ballot
	entries        []node.Entry                               // chosen entries; entries[i] has serial i+1; those up to the first serial are none
	versions       []uint64                                   // version after each entry
	operations     map[string]*operation                      // by name
	rounds         roundLog                                   // rounds on the healed network
	everAccepted   bool                                       // a node has accepted a value, durable or not
	kept           [scenarios.MaxNodes + 1]bool               // by node id: it has a promise or a value, durable or not
	operationCache [4]cachedOperation                         // direct-mapped by the last byte of the id
}

type cachedOperation struct {
	id        node.OpID
	operation *operation
}

// operation is the ground truth of one operation on a machine. The ids of its attempts
// may carry different watermarks.
type operation struct {
	attempts      []attemptState  // attempts of all clients
	attemptBuf    [1]attemptState // backing array of the first attempt
	invocations   []invocation    // invocations under its name
	invocationBuf [1]invocation
	serials       []uint64 // its chosen entries: one, or one for each expected version
	serialBuf     [1]uint64
}

// ballotRecord is the ground truth of one ballot: its only value, and the nodes that
// have accepted it durably.
type ballotRecord struct {
	value      *node.Value // nil: not proposed yet
	baseBallot node.Ballot // ballot of the value that this one extends
	acceptedBy uint8       // bit set of node ids
	lateBy     uint8       // nodes that had gone on to a later epoch when they accepted it, as by repair: no round of its epoch counts them

	heldIn  [scenarios.MaxNodes + 1]uint32 // by node id: the latest epoch in which it was the last that the node had accepted; 0: none
	checked bool                           // all entries of value agree with the chosen history
	asNext  bool                           // it was first requested as the next ballot
	nextOf  node.Ballot                    // the accept that requested it as the next
}

type cachedBallot struct {
	ballot node.Ballot
	record *ballotRecord
}

// nodeTruth is the ground truth of one node.
type nodeTruth struct {
	dedupWindow   int                // most entries of the values that it makes, in this life
	batch, queue  int                // most operations of a round, and of those that wait, in this life
	pending       []node.Observation // promised and accepted, not durable yet
	boot          uint64
	epoch         uint32
	adopted       uint32      // epoch of the last configuration that it has adopted, in any life; 0: none
	lastRead      node.ReadID // last read exchange of this boot
	lastReadAbout readSubject
	owed          owedRound
	overtaken     overtaken
	lastRepair    uint64 // last repair exchange of this boot
	readSends     int    // requests of the last read exchange
	mostSegment   uint64 // largest segment of its log, in all lives
	mostLive      uint64 // most bytes of its log that it has needed, in all lives
	written       uint64 // bytes that it has appended to its log or copied in it, in this life
	untrimmed     uint64 // bytes that earlier lives have written since the log was last short
	quota         uint64 // of machines, in this life
	kept          uint64 // machines of the plan that it has a promise or a value of
	everFull      bool   // it was at a quota, in any life
}

// readSubject identifies the subject of a read exchange: a machine and the first
// operation of the exchange.
type readSubject struct {
	key   string
	first node.OpID
}

// below reports a < b. It repeats the order of node.Ballot on purpose: the oracle must
// not share a mistake of the nodes.
func below(a, b node.Ballot) bool {
	switch {
	case a.Epoch != b.Epoch:
		return a.Epoch < b.Epoch
	case a.Round != b.Round:
		return a.Round < b.Round
	case a.Node != b.Node:
		return a.Node < b.Node
	}
	return a.Boot < b.Boot
}

// durableBallots are the ballots that a node has durably promised and accepted on one
// machine.
type durableBallots struct {
	promised, accepted node.Ballot
}

// arenaBlock is the number of objects that live as long as the run and are
// allocated at a time.
const arenaBlock = 64

func newOracle(p *scenarios.Plan) *oracle {
	return &oracle{
		plan: p, keys: p.Machines(), configurations: configurations{founded(p)},
		machines: map[string]*machineTruth{}, nodes: make([]nodeTruth, p.Nodes+1),
	}
}

// firstSerial is the serial of machines without entries.
func (o *oracle) firstSerial() uint64 { return o.plan.Knobs.FirstSerial }

// isUsed reports whether the machine has a chosen entry.
func (o *oracle) isUsed(t *machineTruth) bool { return uint64(len(t.entries)) > o.firstSerial() }

// forNode sets the time and the node of the next observation.
func (o *oracle) forNode(now scenarios.Duration, id sim.ID) *oracle {
	o.now, o.id = now, id
	return o
}

func (o *oracle) violation(property, class, key, format string, args ...any) *scenarios.Violation {
	return &scenarios.Violation{
		Property: property, Class: class, At: o.now, Machine: key,
		Sentence: fmt.Sprintf("Node %d ", o.id) + fmt.Sprintf(format, args...),
	}
}

func (o *oracle) machine(key string) *machineTruth {
	last := &o.machineCache[0]
	if key != "" {
		last = &o.machineCache[key[len(key)-1]%4]
	}
	if *last != nil && (*last).key == key {
		return *last
	}
	t := o.machines[key]
	if t == nil {
		t = &machineTruth{key: key, ballots: map[node.Ballot]*ballotRecord{}, operations: map[string]*operation{}}
		t.entries, t.versions = make([]node.Entry, o.firstSerial()), make([]uint64, o.firstSerial())
		o.machines[key] = t
	}
	*last = t
	return t
}

// ballot returns the record of a ballot, or nil if there is none.
func (t *machineTruth) ballot(b node.Ballot) *ballotRecord {
	for i := range t.ballotCache {
		if t.ballotCache[i].ballot == b {
			return t.ballotCache[i].record
		}
	}
	v := t.ballots[b]
	if v != nil {
		t.ballotCache = [2]cachedBallot{{b, v}, t.ballotCache[0]}
	}
	return v
}

// ensureBallot returns the record of a ballot; it makes one if there is none.
func (o *oracle) ensureBallot(t *machineTruth, b node.Ballot) *ballotRecord {
	v := t.ballot(b)
	if v == nil {
		v = o.ballots.Make(arenaBlock)
		t.ballots[b] = v
		t.ballotCache = [2]cachedBallot{{b, v}, t.ballotCache[0]}
	}
	return v
}

// operation returns the record of an operation; it makes one if there is none.
func (o *oracle) operation(t *machineTruth, id node.OpID) *operation {
	last := &t.operationCache[0]
	if id != "" {
		last = &t.operationCache[id[len(id)-1]%4]
	}
	if last.operation != nil && last.id == id {
		return last.operation
	}
	name := id.Name()
	s := t.operations[name]
	if s == nil {
		s = o.operations.Make(arenaBlock)
		t.operations[name] = s
	}
	*last = cachedOperation{id, s}
	return s
}

func (o *oracle) observe(f *node.Observation) *scenarios.Violation {
	r := &o.nodes[o.id]
	if v := o.checkOwedRound(); v != nil && f.Kind != node.Started {
		return v
	}
	if v := o.checkOvertakenAnswered(); v != nil && f.Kind != node.Started {
		return v
	}
	if f.Key == configuration.Key {
		return o.observeRegister(f)
	}
	switch f.Kind {
	case node.Started:
		r.pending, r.epoch = r.pending[:0], configuration.First
	case node.EpochBegun:
		r.epoch = f.Ballot.Epoch
		return o.recheckChosen()
	case node.RoundEnded:
		return o.checkRoundEnded(f)
	case node.Promised, node.Accepted:
		r.pending = append(r.pending, *f)
		if v := o.checkQuota(f); v != nil {
			return v
		}
		if f.Kind == node.Accepted {
			t := o.machine(f.Key)
			t.everAccepted = true
			if v := o.checkOneValue(f); v != nil || r.epoch <= f.Ballot.Epoch {
				return v
			}
			if b := t.ballot(f.Ballot); b.acceptedBy&(1<<o.id) == 0 {
				b.lateBy |= 1 << o.id
			}
		}
	case node.Durable:
		return o.onDurable(f.DurableAt)
	case node.Proposed:
		return o.checkProposed(f)
	case node.Chosen:
		o.noteRoundChosen(f)
		return o.checkChosen(f)
	case node.Learnt:
		if isCounted(f.Key) {
			o.keep(o.machine(f.Key))
		}
		o.noteSettled(f)
		return o.checkLearnt(f)
	case node.Forwarded:
		return o.checkForward(sim.ID(f.Client), f.Request)
	case node.Answered:
		return o.checkAnswered(f)
	}
	return nil
}

// checkOneValue: a ballot never carries two values.
func (o *oracle) checkOneValue(f *node.Observation) *scenarios.Violation {
	v := o.ensureBallot(o.machine(f.Key), f.Ballot)
	if v.value == nil {
		v.value, v.baseBallot = f.Value, f.BaseBallot
		return nil
	}
	if !v.value.Equal(f.Value) {
		return o.violation("ballots", "two-values", f.Key, "uses ballot %v of %s for %v, though its value is %v", f.Ballot, f.Key, f.Value, v.value)
	}
	return nil
}

// onDurable moves the ballots that the log has synced from pending to durable. Promised
// and accepted ballots only grow.
func (o *oracle) onDurable(at wal.LSN) *scenarios.Violation {
	r := &o.nodes[o.id]
	i := 0
	for ; i < len(r.pending) && r.pending[i].DurableAt <= at; i++ {
		f := &r.pending[i]
		h := &o.machine(f.Key).durable[o.id]
		last := &h.promised
		if f.Kind == node.Accepted {
			last = &h.accepted
			if below(f.Ballot, h.promised) {
				return o.violation("promises", "accepted-below-promise", f.Key, "accepts %v of %s, though it has promised %v", f.Ballot, f.Key, h.promised)
			}
			if v := o.onAccepted(f.Key, f.Ballot); v != nil {
				return v
			}
		}
		if below(f.Ballot, *last) {
			return o.violation("promises", "regressed", f.Key, "goes back from %v to %v on %s", *last, f.Ballot, f.Key)
		}
		*last = f.Ballot
	}
	r.pending = append(r.pending[:0], r.pending[i:]...)
	return nil
}

// onAccepted: a value that a majority has accepted durably is chosen, whether or not its
// proposer learns of it.
func (o *oracle) onAccepted(key string, b node.Ballot) *scenarios.Violation {
	t := o.machine(key)
	v := t.ballot(b)
	if v == nil || v.value == nil {
		return nil
	}
	v.acceptedBy |= 1 << o.id
	v.heldIn[o.id] = max(v.heldIn[o.id], o.nodes[o.id].epoch)
	if key == configuration.Key {
		return o.onRegisterAccepted(b, v)
	}
	if !o.isChosen(b, v) {
		return nil
	}
	if below(t.highestChosen, b) {
		t.highestChosen = b
	}
	return o.extendHistory(t, key, v)
}

// checkBooted: a node restarts with all that was durable, and with a boot number of
// its own.
func (o *oracle) checkBooted(n *node.Node) *scenarios.Violation {
	r := &o.nodes[o.id]
	if n.BootNumber() <= r.boot {
		return o.violation("ballots", "boot-reused", "", "starts as boot %d, though it has been ready in boot %d", n.BootNumber(), r.boot)
	}
	r.boot, r.lastRead, r.lastReadAbout, r.lastRepair = n.BootNumber(), node.ReadID{}, readSubject{}, 0
	o.countKept(n)
	o.forgetShown()
	for _, key := range append(o.keys[:len(o.keys):len(o.keys)], configuration.Key) {
		h := &o.machine(key).durable[o.id]
		s := n.Inspect(key)
		if below(s.Promised, h.promised) || below(s.Accepted, h.accepted) {
			return o.violation("promises", "lost", key, "restarts with %s promised %v and accepted %v, after %v and %v were durable",
				key, s.Promised, s.Accepted, h.promised, h.accepted)
		}
		// More may have survived than was known to be durable.
		h.promised, h.accepted = s.Promised, s.Accepted
		if v := o.onAccepted(key, s.Accepted); v != nil {
			return v
		}
	}
	return nil
}

// isChosen reports whether a quorum has durably accepted the value of a ballot: one of its
// epoch, or of a later one in which all of them have held it. No round of an earlier epoch
// gets the better of the latter, and every round of theirs meets one of them.
func (o *oracle) isChosen(b node.Ballot, v *ballotRecord) bool {
	if v == nil || v.value == nil {
		return false
	}
	if o.isRegisterQuorum(b.Epoch, v.acceptedBy&^v.lateBy, v.value) {
		return true
	}
	for _, c := range o.configurations {
		if c.Epoch <= b.Epoch {
			continue
		}
		holders := uint8(0)
		for id := range v.heldIn {
			if v.heldIn[id] >= c.Epoch {
				holders |= 1 << id
			}
		}
		if o.isQuorum(c.Epoch, holders) {
			return true
		}
	}
	return false
}

// checkChosen: a value that a proposer counts as chosen is durable on a majority.
func (o *oracle) checkChosen(f *node.Observation) *scenarios.Violation {
	if v := o.machine(f.Key).ballot(f.Ballot); !o.isChosen(f.Ballot, v) {
		return o.violation("durability", "chosen-by-minority", f.Key, "takes %v at %v of %s for chosen, which is not durable on a majority", f.Value, f.Ballot, f.Key)
	}
	return nil
}

// extendHistory adds the entries of a chosen value to the machine's history. A chosen
// version never changes, and there are no gaps. The value that this one extends
// counts as chosen with it.
func (o *oracle) extendHistory(t *machineTruth, key string, vt *ballotRecord) *scenarios.Violation {
	v := vt.value
	known := uint64(len(t.entries))
	first := v.Serial - uint64(len(v.Window)) + 1
	if first > known+1 {
		if base := t.ballot(vt.baseBallot); base != nil && base.value != nil {
			if bad := o.extendHistory(t, key, base); bad != nil {
				return bad
			}
			known = uint64(len(t.entries))
		}
	}
	if first > known+1 {
		return o.violation("versions", "gap", key, "makes the chosen value of %s %v, which lacks entries after number %d, the last one known", key, v, known)
	}
	for serial := max(first, t.checkedUpTo(vt)+1); serial <= v.Serial; serial++ {
		if bad := o.addEntry(t, key, serial, &v.Window[serial-first]); bad != nil {
			return bad
		}
	}
	vt.checked = true
	if n := uint64(len(t.entries)); v.Serial == n && n > 0 && v.Version != t.versions[n-1] {
		return o.violation("versions", "miscounted", key, "makes the chosen value of %s %v, though %d transitions were made", key, v, t.versions[n-1])
	}
	return nil
}

// checkedUpTo returns the serial of the last entry that a value shares, in memory, with
// the value that it extends, if all entries of the latter are checked; or 0.
func (t *machineTruth) checkedUpTo(vt *ballotRecord) uint64 {
	base := t.ballot(vt.baseBallot)
	if base == nil || !base.checked || len(base.value.Window) == 0 {
		return 0
	}
	v, n := vt.value, len(base.value.Window)
	if i := len(v.Window) - 1 - int(v.Serial-base.value.Serial); i < 0 || &v.Window[i] != &base.value.Window[n-1] {
		return 0
	}
	return base.value.Serial
}

// addEntry adds the chosen entry with a serial to the history, or compares it with the
// entry that is there.
func (o *oracle) addEntry(t *machineTruth, key string, serial uint64, e *node.Entry) *scenarios.Violation {
	if serial <= uint64(len(t.entries)) {
		if was := t.entries[serial-1]; was != *e {
			return o.violation("versions", "changed", key, "makes entry %d of %s %s (%v, to %s), though %s (%v, to %s) was chosen",
				serial, key, e.ID, e.Kind, e.To, was.ID, was.Kind, was.To)
		}
		return nil
	}
	s := o.operation(t, e.ID)
	version := uint64(0)
	if n := len(t.versions); n > 0 {
		version = t.versions[n-1]
	}
	if e.Kind == node.EntryTransition {
		version++
	}
	if n := len(s.serials); n > 0 && !s.atExpectedVersion(e, version) {
		return o.violation("exactly-once", "applied-twice", key, "makes %s entry %d of %s, though it is entry %d", e.ID, serial, key, s.serials[n-1])
	}
	if e.Kind == node.EntryTransition {
		if bad := o.checkInvoked(key, s, serial, version, e); bad != nil {
			return bad
		}
	}
	t.entries = append(t.entries, *e)
	t.versions = append(t.versions, version)
	if s.serials == nil {
		s.serials = s.serialBuf[:0]
	}
	s.serials = append(s.serials, serial)
	return nil
}

// checkLearnt: learners learn only chosen values.
func (o *oracle) checkLearnt(f *node.Observation) *scenarios.Violation {
	v := o.machine(f.Key).ballot(f.Ballot)
	if !o.isChosen(f.Ballot, v) || !v.value.Equal(f.Value) {
		return o.violation("durability", "learnt-unchosen", f.Key, "learns %v at %v of %s, which was not chosen", f.Value, f.Ballot, f.Key)
	}
	return nil
}

// checkAnswered: a commit that a node reports to a client is part of the chosen history,
// and is the transition that the client requested.
func (o *oracle) checkAnswered(f *node.Observation) *scenarios.Violation {
	r, t := f.Reply, o.machine(f.Key)
	late := o.checkAnswerInTime(t, sim.ID(f.Client), r)
	if v := o.checkReply(sim.ID(f.Client), r); v != nil {
		return v
	}
	if late != nil {
		return late
	}
	if r.Kind != node.Propose || r.Outcome != node.Committed {
		return nil
	}
	s := o.operation(t, r.ID)
	if n := r.Serial; !slices.Contains(s.serials, n) || t.entries[n-1].Kind != node.EntryTransition || t.entries[n-1].To != r.State {
		return o.violation("exactly-once", "false-commit", f.Key, "answers %v, which no chosen value shows", r)
	}
	if q := s.invocation(sim.ID(f.Client), r.Attempt); q != nil && !q.matches(r.State, r.Version) {
		return o.violation("exactly-once", "other-argument", f.Key, "answers %v to a request for %v", r, q)
	}
	return nil
}

// checkResponse: a client knows whether its operation may take effect. An operation
// that was rejected to its client takes none, before or after the response.
func (o *oracle) checkResponse(r *scenarios.Response) *scenarios.Violation {
	if r.Outcome == scenarios.Committed {
		return nil
	}
	op := r.Operation
	t := o.machine(op.Key)
	s := o.operation(t, node.OpID(operationName(op)))
	q := o.invoke(s, op)
	if v := o.checkKnowledge(r, s, q); v != nil || r.Outcome == scenarios.Unknown {
		return v
	}
	if n := t.entryFor(s, q); n != 0 {
		v := o.violation("exactly-once", "rejected-applied", op.Key, "")
		v.Sentence = fmt.Sprintf("Client %d receives the rejection of %s on %s, though the operation is entry %d", op.Client, op.ID, op.Key, n)
		return v
	}
	q.rejected = true
	return nil
}
