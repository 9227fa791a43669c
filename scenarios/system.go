package scenarios

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/sim"
)

// System is a system under test, on which plans run: a protocol with its clients
// and its invariants.
type System struct {
	Name          string
	About         string               // one line
	Workload      Workload             // its objects; nil: machines of the definitions
	Definitions   []fsm.Definition     // of machines, in generated plans
	Knobs         []Knob               // its own knobs, besides those of Plan.Knobs
	Times         Times                // its time scales
	Without       []Family             // families of faults that it cannot bear
	Adjust        func(Choices, *Plan) // edits each generated plan, which must stay valid; nil: nothing
	Versions      bool                 // its machines have versions, which operations may expect
	Retires       bool                 // its machines may be retired: see fsm.Retired
	OperationIDs  bool                 // its nodes tell operations apart by their ids: see IDScheme
	Majority      bool                 // a majority of its nodes is enough to make progress
	ProvesLoss    bool                 // with Majority: its nodes detect it when the disk of one of them has lost what was durable, and go on without it: see FamiliesOfLoss
	Forms         bool                 // its nodes can form their cluster: see Knobs.Forming
	Batches       bool                 // its nodes take several events as one step: see sim.BatchProcess
	Connections   bool                 // its clients are told of their connections: see sim.Spec.SeesConnections
	Creates       bool                 // its clients can create definitions: see Plan.Created
	Bytes         bool                 // its Run is a MessageCodec, though it has a workload of its own
	Stops         bool                 // its nodes stop when they are asked to: see StopRequest
	Reconfigures  bool                 // its members may change: see ChangeRequest
	Levels        int                  // format levels of builds of its nodes, each with the formats of the ones before; 0: one. See Plan.LevelOf
	HighWaterFile string               // the file in which nodes keep their high-water mark; see sim.Config
	Marks         []string             // names of its coverage marks; see MarkCounter
	Requests      []string             // kinds of messages that its nodes answer: the first words of their FateNames
	New           func(*Plan) Run      // the system's side of one run

	Expected map[string]Expectation // by signature, or by property: the demand of each; see Expectation
}

// Times are time scales of a system. A protocol with leaders and heartbeats needs more
// than one that starts afresh with each request, and is never silent. The zero value
// has the scales of the latter.
type Times struct {
	FaultPhase Duration // shortest fault phase; 0: 10 ms
	Within     Duration // time in which a fresh operation on one object must end, once all is healed; 0: 10 s
	Settle     Duration // time from that to the check of agreement, and between waves; 0: 10 s
	Events     uint64   // events of a run from which on it counts as a livelock; 0: 2 million, and 5,000 an operation
}

// Run is a system's side of one run: it makes the processes and is the oracle of
// their observations.
//
// A client process gets each operation as an *Invocation, one at a time, and ends
// it with the observation of a *Response.
type Run interface {
	Node(id sim.ID, life int) sim.Process
	Client(id sim.ID) sim.Process
	// Observe receives every observation in order. It returns the first violation.
	Observe(at Duration, id sim.ID, f sim.Observation) *Violation
	// Agree checks that all nodes agree on all machines. It is called after the
	// heal phase, when no event is left.
	Agree(at Duration) *Violation
}

// MessageCodec is a Run whose messages can cross the network as bytes. RoundTrip
// encodes and decodes m; the result shares nothing with m. Corrupt decodes the
// bytes of m after damage that k chooses, or cut off. It describes the decoded
// message, and returns nothing if the decoder refuses the bytes, as it must.
type MessageCodec interface {
	RoundTrip(m sim.Message) sim.Message
	Corrupt(m sim.Message, cut bool, k keyed.Key) string
}

// CoreAgreer is a Run that can check that its nodes agree without the nodes that
// the heal phase excludes.
type CoreAgreer interface {
	CoreAgrees(at Duration, without []sim.ID) *Violation
}

// ActivityReporter is a Run that can describe the recent activity of its nodes for
// a machine without progress. Without a name it is the machine of the last
// activity. Each line begins with a line feed.
type ActivityReporter interface {
	RecentActivity(machine string) string
}

// Repairer is a Run whose nodes find out by themselves which values they lack, and
// then send nothing until the next request. Repaired checks that all of them hold
// the same values. It is called when they have had the time.
type Repairer interface {
	Repaired(at Duration) *Violation
}

// Definer is a Run that knows which of the definitions of a name, see Plan.Competing, was
// chosen. Chosen returns its text; it is empty if none was.
type Definer interface {
	Chosen(name string) (text string)
}

// DiskLossObserver is a Run that needs to know when a node's disk has lost durable
// data other than by damage: it was emptied, or replaced by an older copy. The node
// is down when DiskLost is called.
//
// DiskCopied reports that a copy was made. MayRestore reports whether all others
// could detect that copy in the place of the node's disk: a node can only if it has
// met a later life of the copied node.
type DiskLossObserver interface {
	DiskLost(id sim.ID)
	DiskCopied(id sim.ID)
	MayRestore(id sim.ID) bool
}

// MarkCounter is a Run that counts coverage marks. AppendMarks appends the count so
// far of each of System.Marks to list, in that order.
type MarkCounter interface {
	AppendMarks(list []uint64) []uint64
}

// Violation is a broken property.
type Violation struct {
	Property string   // "agreement", "linearizability", "liveness", ...
	Class    string   // the way in which it broke, without names and times
	At       Duration // time of the observation
	Machine  string
	Sentence string // a description for a person; no full stop
}

// Signature groups violations that are alike.
func (v *Violation) Signature() string { return v.Property + "/" + v.Class }

// Outcome is the outcome of an operation, as its client learnt it.
type Outcome string

// The outcomes. A rejected operation had and will have no effect; an unknown one
// may take effect at any later time or never.
const (
	Committed Outcome = "committed"
	Rejected  Outcome = "rejected"
	Unknown   Outcome = "unknown"
)

// Illegal is the reason of a rejection of a transition that is illegal in the
// machine's current state. All other reasons are free text.
const Illegal = "illegal"

// NoVersion stands for a version that was not reported.
const NoVersion = -1

// Invocation requests that a client process carry out Operation.
type Invocation struct{ *Operation }

// FateKey implements sim.Message. Invocations do not cross the network.
func (c *Invocation) FateKey() uint64 { return sim.FateKey("call", c.Key, c.ID) }

// FateName implements sim.Message.
func (c *Invocation) FateName() string { return "call " + c.Key + " " + c.ID }

// Digest implements sim.Message.
func (c *Invocation) Digest() uint64 { return keyed.Mix(c.FateKey(), keyed.String(c.Argument)) }

func (c *Invocation) String() string {
	s := fmt.Sprintf("call %s %s %s", c.Key, c.ID, c.Operation)
	if c.Node != 0 {
		s += fmt.Sprintf(" at node %d", c.Node)
	}
	return s
}

// String describes the request of the operation.
func (o *Operation) String() string {
	text := string(o.Kind)
	if o.Expected != "" {
		text += " " + o.Expected + " →"
	}
	if o.Argument != "" {
		text += " " + o.Argument
	}
	return text
}

// Stopped is the observation that a node has stopped by itself, and will not
// continue in this life. Only an error of its own disk may be the cause.
type Stopped struct {
	Err            error
	RefusedToStart bool // it never started: it does not accept the contents of its disk
}

// Digest implements sim.Observation.
func (s *Stopped) Digest() uint64 { return keyed.String(s.Err.Error()) }

func (s *Stopped) String() string { return "stopped: " + s.Err.Error() }

// IncarnationRejected is the observation that a node has learnt from others that it
// has lost its promises, and ends.
type IncarnationRejected struct{ Node sim.ID }

// Digest implements sim.Observation.
func (d *IncarnationRejected) Digest() uint64 {
	return keyed.Mix(keyed.String("disowned"), uint64(d.Node))
}

func (d *IncarnationRejected) String() string {
	return fmt.Sprintf("incarnation of node %d rejected", d.Node)
}

// Response is the observation that ends an operation at its client.
type Response struct {
	Operation *Operation
	Outcome   Outcome
	Reason    string
	State     string // observed, or empty
	Version   int64  // observed, or NoVersion
}

// Digest implements sim.Observation.
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
