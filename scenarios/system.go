package scenarios

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/sim"
)

// System is something that plans can run on: a protocol with its clients and
// its invariants.
type System struct {
	Name          string
	About         string           // one line
	Definitions   []fsm.Definition // what generated plans use
	Versions      bool             // its machines have versions, which operations may expect
	Retires       bool             // its machines may be retired: see fsm.Retired
	OperationIDs  bool             // its nodes tell operations apart by their ids: see Manner
	Majority      bool             // a majority of its nodes is enough to go on
	Forms         bool             // its nodes can form their cluster: see Knobs.Forming
	HighWaterFile string           // the file in which nodes note what else is durable; see sim.Config
	Marks         []string         // names of what runs should come by; see Marker
	New           func(*Plan) Run  // the system's side of one run
}

// Run is a system's side of one run: it makes the processes and watches what
// they report.
//
// A client process gets each operation as a Request with a *Call, one at a
// time, and ends it with a *Returned fact.
type Run interface {
	Node(id sim.ID, life int) sim.Process
	Client(id sim.ID) sim.Process
	// Observe sees every fact in order. It returns the first violation.
	Observe(at Duration, id sim.ID, f sim.Observation) *Violation
	// Agree is asked after the heal phase, when nothing moves any more: do
	// all nodes agree on all machines?
	Agree(at Duration) *Violation
}

// MessageCodec is a Run whose messages can cross the network as bytes. Carry gives
// what arrives in place of m, which shares nothing with m. Damage has the bytes
// of m arrive damaged, as chosen at k, or cut off in the midst; it says what they
// are taken for, and nothing if they are refused, as they must be.
type MessageCodec interface {
	RoundTrip(m sim.Message) sim.Message
	Corrupt(m sim.Message, cut bool, k keyed.Key) string
}

// CoreAgreer is a Run whose nodes agree without those that the heal phase leaves
// outside: do they?
type CoreAgreer interface {
	CoreAgrees(at Duration, without []sim.ID) *Violation
}

// ActivityReporter is a Run that can tell what its nodes have lately done for a
// machine on which nothing ends, or without a name for that for which they have
// done something last: lines that begin with a line feed.
type ActivityReporter interface {
	RecentActivity(machine string) string
}

// Repairer is a Run whose nodes find out by themselves what they have missed,
// and then say nothing until they are asked. Repaired is asked when they have
// had the time: do all of them hold the same?
type Repairer interface {
	Repaired(at Duration) *Violation
}

// DiskLossObserver is a Run that is told when a node's disk has lost what was durable
// on it, other than by damage: it was emptied, or an older copy was put in its
// place. The node is down.
//
// Copied says that a copy was made. MayRestore is asked whether all others could
// know of a node with that copy in its place: nobody can who has not met a later
// life of it.
type DiskLossObserver interface {
	DiskLost(id sim.ID)
	DiskCopied(id sim.ID)
	MayRestore(id sim.ID) bool
}

// MarkCounter is a Run that counts what it comes by on its way. Marks is asked when
// the run is over: how often each of System.Marks, in that order.
type MarkCounter interface {
	Marks() []uint64
}

// Violation is a broken property.
type Violation struct {
	Property string   // "agreement", "linearizability", "liveness", ...
	Class    string   // how it broke, without names and times
	At       Duration // when it showed
	Machine  string
	Sentence string // what happened, for a person; no full stop
}

// Signature groups violations that are alike.
func (v *Violation) Signature() string { return v.Property + "/" + v.Class }

// Outcome of an operation, as its client learnt it.
type Outcome string

// Outcomes. A rejected operation had and will have no effect; an unknown one
// may take effect at any later time or never.
const (
	Committed Outcome = "committed"
	Rejected  Outcome = "rejected"
	Unknown   Outcome = "unknown"
)

// Illegal is the reason of a reject that claims the transition was illegal in
// the machine's current state. All other reasons are free text.
const Illegal = "illegal"

// NoVersion stands for a version that was not reported.
const NoVersion = -1

// Invocation asks a client process to carry out Operation.
type Invocation struct{ *Operation }

// FateKey implements sim.Message. Requests do not cross the network.
func (c *Invocation) FateKey() uint64 { return sim.FateKey("call", c.Machine, c.ID) }

// FateName implements sim.Message.
func (c *Invocation) FateName() string { return "call " + c.Machine + " " + c.ID }

// Digest implements sim.Message.
func (c *Invocation) Digest() uint64 { return keyed.Mix(c.FateKey(), keyed.String(c.To)) }

func (c *Invocation) String() string {
	s := fmt.Sprintf("call %s %s %s", c.Machine, c.ID, c.Operation)
	if c.Node != 0 {
		s += fmt.Sprintf(" at node %d", c.Node)
	}
	return s
}

// String says what the operation asks for.
func (o *Operation) String() string {
	if o.Kind == Read {
		return "read"
	}
	return "propose " + o.To
}

// Stopped is the fact that a node has stopped by itself, and will not go on in
// this life. Only an error of its own disk may make it do so.
type Stopped struct {
	Err            error
	RefusedToStart bool // it never started: it does not accept what its disk holds
}

// Digest implements sim.Fact.
func (s *Stopped) Digest() uint64 { return keyed.String(s.Err.Error()) }

func (s *Stopped) String() string { return "stopped: " + s.Err.Error() }

// IncarnationRejected is the fact that a node has learnt from others that it has lost what
// it promised, and ends.
type IncarnationRejected struct{ Node sim.ID }

// Digest implements sim.Fact.
func (d *IncarnationRejected) Digest() uint64 {
	return keyed.Mix(keyed.String("disowned"), uint64(d.Node))
}

func (d *IncarnationRejected) String() string {
	return fmt.Sprintf("incarnation of node %d rejected", d.Node)
}

// Response is the fact that ends an operation at its client.
type Response struct {
	Operation *Operation
	Outcome   Outcome
	Reason    string
	State     string // observed, or empty
	Version   int64  // observed, or NoVersion
}

// Digest implements sim.Fact.
func (r *Response) Digest() uint64 {
	h := keyed.Mix(keyed.String(r.Operation.ID), keyed.String(string(r.Outcome)))
	h = keyed.Mix(h, keyed.String(r.Reason))
	return keyed.Mix(h, keyed.String(r.State)^uint64(r.Version))
}

func (r *Response) String() string {
	s := fmt.Sprintf("%s %s %s", r.Operation.ID, r.Operation, r.Outcome)
	if r.Reason != "" {
		s += ": " + r.Reason
	}
	if r.State != "" {
		s += " in " + r.State
	}
	if r.Version != NoVersion {
		s += fmt.Sprintf(" v%d", r.Version)
	}
	return s
}
