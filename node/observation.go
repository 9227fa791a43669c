package node

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// Observer receives the observations of a node, during its steps.
type Observer interface{ Observe(Observation) }

// ObservationKind is the kind of an Observation. It determines which fields count.
type ObservationKind uint8

// The kinds of observations, each with the fields that count.
const (
	Started    ObservationKind = iota + 1 // a life has begun; state that was not durable is lost: Boot
	BootReady                             // the boot record is durable; messages may be sent: Boot
	Promised                              // acceptor: Key, Ballot, DurableAt
	Accepted                              // acceptor: Key, Ballot, Value, DurableAt
	Durable                               // the log is durable up to DurableAt
	Proposed                              // proposer, first accept of a round: Key, Ballot, Value, BaseBallot
	Chosen                                // proposer, a quorum has accepted: Key, Ballot, Value, Waiting
	Learnt                                // learner, from a commit or a peer's repair: Key, Ballot, Value
	Answered                              // a reply to a client: Client, Reply
	RoundEnded                            // proposer, round failed: Key, Ballot, Attempts, Rejections
	EpochBegun                            // the node goes on in the epoch of Ballot; its rounds end
	Forwarded                             // an operation is sent to the node at work: Client, Request
)

// Observation is a report of one action of a node, for the oracle.
type Observation struct {
	Kind       ObservationKind
	Rejections uint8  // members that rejected the round
	Waiting    uint16 // operations waiting for the next round, at most 65,535
	Attempts   uint32 // times a phase of the round was sent, at its end: see Config.MaxResends
	Client     ID

	Key        string
	Ballot     Ballot
	Value      *Value
	BaseBallot Ballot // at which the value that Value goes on from was accepted
	DurableAt  wal.LSN
	Boot       uint64
	Reply      *Reply
	Request    *Request
}

func (o Observation) String() string {
	switch o.Kind {
	case Started:
		return fmt.Sprintf("started boot %d", o.Boot)
	case BootReady:
		return fmt.Sprintf("ready in boot %d", o.Boot)
	case Promised:
		return fmt.Sprintf("promised %s %v, durable at %d", o.Key, o.Ballot, o.DurableAt)
	case Accepted:
		return fmt.Sprintf("accepted %s %v %v, durable at %d", o.Key, o.Ballot, o.Value, o.DurableAt)
	case Durable:
		return fmt.Sprintf("durable %d", o.DurableAt)
	case Proposed:
		return fmt.Sprintf("proposed %s %v %v after %v", o.Key, o.Ballot, o.Value, o.BaseBallot)
	case Chosen:
		return fmt.Sprintf("chosen %s %v %v", o.Key, o.Ballot, o.Value)
	case Learnt:
		return fmt.Sprintf("learnt %s %v %v", o.Key, o.Ballot, o.Value)
	case RoundEnded:
		return fmt.Sprintf("round %v of %s failed", o.Ballot, o.Key)
	case EpochBegun:
		return fmt.Sprintf("goes on in epoch %d", o.Ballot.Epoch)
	case Forwarded:
		return "forwarded " + o.Request.String()
	}
	return "answered " + o.Reply.String()
}

func (n *Node) observe(o Observation) {
	if n.cfg.Observer != nil {
		n.cfg.Observer.Observe(o)
	}
}
