package node

import "fmt"

// Message is a message between members, or between a client and a member: a
// pointer to one of the types below, a repair message or a type of package member.
// Messages are immutable once sent.
type Message interface {
	// About returns the machine's key and the operation's id, of a round that of its
	// first operation. It identifies the message for people and for fault
	// injection, and decides nothing.
	About() (key string, first OpID)
	String() string
}

// Phase of a round.
type Phase uint8

// The phases.
const (
	Prepare Phase = iota + 1 // requests a promise and the accepted value
	Accept                   // requests to accept a value
)

func (p Phase) String() string { return [...]string{"?", "prepare", "accept"}[p] }

// Proposal is a proposer's request to the acceptors.
type Proposal struct {
	Phase  Phase
	Key    string
	Ballot Ballot
	Value  *Value // accept
	Next   Ballot // accept: the next ballot, to be promised too
	First  OpID
}

// Acknowledgment is an acceptor's consent to a Proposal. It is sent once the
// acceptor's state is durable.
type Acknowledgment struct {
	Phase    Phase
	Key      string
	Ballot   Ballot // of the proposal
	Accepted Ballot // prepare: the ballot of Value; zero if it has accepted nothing
	Value    *Value // prepare
	First    OpID
	At       uint64 // a position of the acceptor's log, up to which it is durable
}

// Reason is why a proposal or an operation was rejected, or why an outcome is unknown.
type Reason string

// The reasons of a Reject.
const (
	StaleBallot       Reason = "stale-ballot"       // a higher one is promised or accepted; also in a Reply that refuses a forwarded operation
	StaleEpoch        Reason = "stale-epoch"        // of another set of members
	UnknownDefinition Reason = "unknown-definition" // also in a Reply
	Malformed         Reason = "malformed"          // the value is invalid
)

// The reasons of a Reply. A rejection states that this attempt has had no effect
// and never will; Illegal also that the transition was illegal in the state then
// current. The rejection of a retry holds for all attempts.
const (
	Illegal         Reason = "illegal"
	Overloaded      Reason = "overloaded"    // the queue is full, or the log falls behind
	Timeout         Reason = "timeout"       // the consensus timeout has passed
	UnknownState    Reason = "unknown-state" // the definition has no such state
	BadRequest      Reason = "bad-request"   // invalid for every node
	Unreachable     Reason = "unreachable"   // there is no connection to a node; from clients
	VersionMismatch Reason = "mismatch"      // the machine is at another version than expected
	WindowExpired   Reason = "forgotten"     // its watermark is below the dedup window: it may have taken effect
	WatermarkAhead  Reason = "base-ahead"    // its watermark is above the machine's serial: it was never issued
	IDConflict      Reason = "conflict"      // the operation with this id requested something else
	Abstains        Reason = "abstains"      // the node abstains: its log is disputed, or its cluster is not formed
)

// The reasons of a node or server that cannot answer.
const (
	NotLearnt Reason = "not-learnt" // local read: this life has learnt no chosen value, but has an accepted one
	Stopping  Reason = "stopping"   // the node stops or has stopped; from servers
)

// Reject is an acceptor's refusal of a Proposal.
type Reject struct {
	Phase    Phase
	Key      string
	Ballot   Ballot // of the proposal
	Reason   Reason
	Promised Ballot // stale ballot: the highest ballot promised or accepted
	First    OpID
}

// Commit informs learners that a value was chosen. It is a hint: losing it is
// harmless.
type Commit struct {
	Key    string
	Ballot Ballot
	Value  *Value
	First  OpID
}

// ReadID identifies one quorum read or one repair exchange. None is used twice.
type ReadID struct {
	Node ID
	Boot uint64
	Seq  uint64
}

// ReadRequest requests the accepted value of a machine from the acceptors.
type ReadRequest struct {
	Key   string
	Read  ReadID
	First OpID
}

// ReadReport is the response to a ReadRequest. It is sent once the accepted value is
// durable.
type ReadReport struct {
	Key      string
	Read     ReadID
	Accepted Ballot // zero if it has accepted nothing
	Value    *Value
	First    OpID
	At       uint64 // a position of the acceptor's log, up to which it is durable
}

// Kind is the kind of a Request.
type Kind uint8

// The kinds of requests.
const (
	Propose   Kind = iota + 1 // a transition to Request.To
	Read                      // the current state, linearizable
	ReadLocal                 // the latest value that the node has learnt; may be stale
)

func (k Kind) String() string { return [...]string{"?", "propose", "read", "read-local"}[k] }

// Request is one attempt of a client's operation. A node that forwards an operation is
// a client of the other node.
type Request struct {
	Kind    Kind
	Key     string
	ID      OpID   // the same in all attempts; it may carry a watermark
	Attempt uint32 // returned in the reply
	To      string // propose: the requested state
	// Watermark (propose) is the watermark that a client claims. The node does not
	// rely on it, since it may change from one attempt to the next: see OpID. From
	// a node that forwards, it states that the entries up to it are of other
	// operations.
	Watermark uint64
	Retry     bool // an earlier attempt may have taken effect, or still may
	Expects   bool // propose: only if the machine is at version Expect
	Expect    uint64
}

// NotCarriedOut returns the reply of a node that has not carried out r and will not: this
// attempt has no effect. Of a retry the outcome is unknown, since an earlier attempt may
// take effect, or has (docs/PROTOCOL.md, rule 7).
func (r *Request) NotCarriedOut(why Reason) *Reply {
	reply := &Reply{Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: r.Attempt, Outcome: Rejected, Reason: why}
	if r.Kind == Propose && r.Retry {
		reply.Outcome = Unknown
	}
	return reply
}

// Outcome is the outcome of an attempt.
type Outcome uint8

// The outcomes.
const (
	Committed Outcome = iota + 1
	Rejected          // the attempt has had and will have no effect
	Unknown           // it may have taken effect, may yet, or never will
)

func (o Outcome) String() string { return [...]string{"?", "committed", "rejected", "unknown"}[o] }

// Reply answers a Request.
type Reply struct {
	Kind    Kind
	Key     string
	ID      OpID
	Attempt uint32
	Outcome Outcome
	Reason  Reason // not committed
	Final   bool   // rejected: holds for all attempts of the operation, earlier and later ones
	// State is the state that the operation led to or read, if committed. With
	// IDConflict it is the state that the operation with the id led to. With
	// Illegal, VersionMismatch, WindowExpired and WatermarkAhead it is the current
	// state.
	State   string
	Version uint64 // of State: transitions made
	Serial  uint64 // of State: entries made; see Stamp
}

// About implements Message.
func (m *Proposal) About() (string, OpID) { return m.Key, m.First }

// About implements Message.
func (m *Acknowledgment) About() (string, OpID) { return m.Key, m.First }

// About implements Message.
func (m *Reject) About() (string, OpID) { return m.Key, m.First }

// About implements Message.
func (m *Commit) About() (string, OpID) { return m.Key, m.First }

// About implements Message.
func (m *ReadRequest) About() (string, OpID) { return m.Key, m.First }

// About implements Message.
func (m *ReadReport) About() (string, OpID) { return m.Key, m.First }

// About implements Message.
func (m *Request) About() (string, OpID) { return m.Key, m.ID }

// About implements Message.
func (m *Reply) About() (string, OpID) { return m.Key, m.ID }

func (m *Proposal) String() string {
	if m.Phase == Prepare {
		return fmt.Sprintf("proposal-prepare %s %s ballot %v", m.Key, m.First, m.Ballot)
	}
	return fmt.Sprintf("proposal-accept %s %s ballot %v %v next %v", m.Key, m.First, m.Ballot, m.Value, m.Next)
}

func (m *Acknowledgment) String() string {
	if m.Phase == Prepare {
		return fmt.Sprintf("acknowledgment-prepare %s %s ballot %v accepted %v %v", m.Key, m.First, m.Ballot, m.Accepted, m.Value)
	}
	return fmt.Sprintf("acknowledgment-accept %s %s ballot %v", m.Key, m.First, m.Ballot)
}

func (m *Reject) String() string {
	return fmt.Sprintf("reject-%v %s %s ballot %v %s promised %v", m.Phase, m.Key, m.First, m.Ballot, m.Reason, m.Promised)
}

func (m *Commit) String() string {
	return fmt.Sprintf("commit %s %s ballot %v %v", m.Key, m.First, m.Ballot, m.Value)
}

func (m *ReadRequest) String() string {
	return fmt.Sprintf("read-request %s %s read %v", m.Key, m.First, m.Read)
}

func (m *ReadReport) String() string {
	return fmt.Sprintf("read-report %s %s read %v accepted %v %v", m.Key, m.First, m.Read, m.Accepted, m.Value)
}

func (r ReadID) String() string {
	return string(appendDotted(make([]byte, 0, 64), uint64(r.Node), r.Boot, r.Seq))
}

func (m *Request) String() string {
	s := fmt.Sprintf("request %s %s attempt %d %v", m.Key, m.ID, m.Attempt, m.Kind)
	if m.Kind == Propose {
		s += " to " + m.To
		if m.Watermark > 0 {
			s += fmt.Sprintf(" watermark %d", m.Watermark)
		}
	}
	if m.Expects {
		s += fmt.Sprintf(" expect %d", m.Expect)
	}
	if m.Retry {
		s += " retry"
	}
	return s
}

func (m *Reply) String() string {
	s := fmt.Sprintf("reply %s %s attempt %d %v", m.Key, m.ID, m.Attempt, m.Outcome)
	if m.Reason != "" {
		s += " " + string(m.Reason)
	}
	if m.Final {
		s += " for good"
	}
	if m.State != "" {
		s += fmt.Sprintf(" %s v%d", m.State, m.Version)
		if m.Serial != m.Version {
			s += fmt.Sprintf("+%d", m.Serial-m.Version)
		}
	}
	return s
}
