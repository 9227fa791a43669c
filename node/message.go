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
	Known  Ballot // prepare: the highest ballot at which the proposer knows a value to be accepted; zero: it knows none
	First  OpID

	Extension *Extension // accept: in place of Value
	full      *Proposal  // as it was made, with its Value; see InFull
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

// The reasons of a Reject.
const (
	StaleBallot Reason = "stale-ballot"  // a higher one is promised or accepted; also in a Reply that refuses a forwarded operation
	StaleEpoch  Reason = "stale-epoch"   // of another set of members
	Malformed   Reason = "malformed"     // the value is invalid
	BaseNotHeld Reason = "base-not-held" // an extension or a commit without a value: its base is not what the sender has accepted; it has not judged the ballot
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
	Value  *Value // nil: what the receiver has accepted at Ballot
	First  OpID

	full *Commit // with the Value that it was sent without; see InFull
}

// ReadID identifies one quorum read or one repair exchange. None is used twice.
type ReadID struct {
	Node ID
	Boot uint64
	Seq  uint64 // from 1 in each epoch: the epoch before it, times 2⁴⁰, and a count of this boot
}

// epochShift is the number of bits of the count in a ReadID.
const epochShift = 40

// Epoch is the epoch in which the exchange began.
func (r ReadID) Epoch() uint32 { return uint32(r.Seq>>epochShift) + firstEpoch }

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

func (m *Proposal) String() string {
	if m.Phase == Prepare {
		s := fmt.Sprintf("proposal-prepare %s %s ballot %v", m.Key, m.First, m.Ballot)
		if !m.Known.IsZero() {
			s += fmt.Sprintf(" known %v", m.Known)
		}
		return s
	}
	if x := m.Extension; x != nil {
		return fmt.Sprintf("proposal-accept %s %s ballot %v base %v and %d more next %v", m.Key, m.First, m.Ballot, x.Base, len(x.Entries), m.Next)
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
	if m.Value == nil {
		return fmt.Sprintf("commit %s %s ballot %v", m.Key, m.First, m.Ballot)
	}
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
