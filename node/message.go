package node

import "fmt"

// Message is what members and clients say to each other: one of the types
// below, by pointer. Messages are immutable once sent.
type Message interface {
	// About names the machine and the operation that the message is about:
	// of a round the first of its operations. It identifies the message for
	// people and for fault injection, and decides nothing.
	About() (key string, first OpID)
	String() string
}

// Phase of a round.
type Phase uint8

// The phases.
const (
	Prepare Phase = iota + 1 // asks for a promise and for what was accepted
	Accept                   // asks to accept a value
)

func (p Phase) String() string { return [...]string{"?", "prepare", "accept"}[p] }

// Proposal is a proposer's request to the acceptors.
type Proposal struct {
	Phase  Phase
	Key    string
	Ballot Ballot
	Value  *Value // accept
	Next   Ballot // accept: promise this ballot, too
	First  OpID
}

// Acknowledgment is an acceptor's consent to a Proposal. It is durable.
type Acknowledgment struct {
	Phase    Phase
	Key      string
	Ballot   Ballot // of the proposal
	Accepted Ballot // prepare: the ballot of Value; zero if it has accepted nothing
	Value    *Value // prepare
	First    OpID
	At       uint64 // a position of the acceptor's log, up to which it is durable
}

// Reason says why something was rejected, or why its outcome is unknown.
type Reason string

// The reasons of a Reject.
const (
	StaleBallot       Reason = "stale-ballot"       // a higher one is promised or accepted; also to a node that has handed an operation over
	StaleEpoch        Reason = "stale-epoch"        // the members are others
	UnknownDefinition Reason = "unknown-definition" // also to clients
	Malformed         Reason = "malformed"          // the value contradicts itself
)

// The reasons of a Reply. A rejection claims that this attempt has had no effect
// and never will; Illegal also that it was illegal in the state then current. What is said of a
// retry holds for all attempts.
const (
	Illegal         Reason = "illegal"
	Overloaded      Reason = "overloaded"    // too many operations wait
	Timeout         Reason = "timeout"       // the consensus timeout has passed
	UnknownState    Reason = "unknown-state" // the definition has no such state
	BadRequest      Reason = "bad-request"   // it makes no sense, to any node
	Unreachable     Reason = "unreachable"   // there is no connection to a node; said by clients
	VersionMismatch Reason = "mismatch"      // the machine is at another version than expected
	WindowExpired   Reason = "forgotten"     // its base is older than the ring: whether it has taken effect cannot be told
	WatermarkAhead  Reason = "base-ahead"    // its base is above the machine's serial number: nobody can have known it
	IDConflict      Reason = "conflict"      // the operation with its id has asked for something else
	Abstains        Reason = "abstains"      // the node takes no part: its log is disputed, or its cluster is not formed
)

// The reasons of who cannot say.
const (
	NotLearnt Reason = "not-learnt" // local read: this life of the node knows of no chosen value, though of an accepted one
	Stopping  Reason = "stopping"   // the node stops, or has stopped; said by servers
)

// Reject is an acceptor's refusal of a Proposal.
type Reject struct {
	Phase    Phase
	Key      string
	Ballot   Ballot // of the proposal
	Reason   Reason
	Promised Ballot // stale ballot: what it is up against
	First    OpID
}

// Commit tells learners that a value was chosen. It is a hint: losing it costs
// nothing.
type Commit struct {
	Key    string
	Ballot Ballot
	Value  *Value
	First  OpID
}

// ReadID names one read exchange. It is never used twice.
type ReadID struct {
	Node ID
	Boot uint64
	Seq  uint64
}

// ReadRequest asks the acceptors what they have accepted.
type ReadRequest struct {
	Key   string
	Read  ReadID
	First OpID
}

// ReadReport is the answer. It is durable.
type ReadReport struct {
	Key      string
	Read     ReadID
	Accepted Ballot // zero if it has accepted nothing
	Value    *Value
	First    OpID
	At       uint64 // a position of the acceptor's log, up to which it is durable
}

// Kind is what a client asks for.
type Kind uint8

// The kinds of requests.
const (
	Propose   Kind = iota + 1 // a transition to Request.To
	Read                      // the current state, linearizable
	ReadLocal                 // what this node has learnt; may be stale
)

func (k Kind) String() string { return [...]string{"?", "propose", "read", "read-local"}[k] }

// Request is one attempt of a client's operation. A node that hands one over is the client
// of the other.
type Request struct {
	Kind      Kind
	Key       string
	ID        OpID   // the same in all attempts; it may carry their base
	Attempt   uint32 // comes back in the reply
	To        string // propose: the state asked for
	Watermark uint64 // propose: what the client says its base is. It is not relied on, since it may change from one attempt to the next: see OpID. Of a node that hands over: the entries up to this one are of others
	Retry     bool   // there may have been an earlier attempt, which may take effect, or have
	Expects   bool   // propose: only if the machine is at version Expect
	Expect    uint64
}

// Outcome is what a client learns.
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
	Final   bool   // rejected: so are all other attempts that ask for the same, made or to be made
	State   string // committed: led to, or read; Conflict: led to by the operation with the id; Illegal, Mismatch, Forgotten, BaseAhead: the current state
	Version uint64 // of State: the transitions made
	Serial  uint64 // of State: the entries made; see Stamp
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
			s += fmt.Sprintf(" base %d", m.Watermark)
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
