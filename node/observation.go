package node

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// Observer is told what a node does, as it does it.
type Observer interface{ Observe(Observation) }

// ObservationKind says which fields of a Fact count.
type ObservationKind uint8

// The kinds of facts.
const (
	Started    ObservationKind = iota + 1 // a life begins; what was not durable is gone: Boot
	BootReady                             // recovered and ready to speak: Boot
	Promised                              // acceptor, not durable before At: Key, Ballot
	Accepted                              // acceptor, not durable before At: Key, Ballot, Value
	Durable                               // the log is durable up to At
	Proposed                              // proposer, first accept of a round: Key, Ballot, Value, Base
	Chosen                                // proposer, a majority has accepted: Key, Ballot, Value, Waiting
	Learnt                                // learner, told by a commit: Key, Ballot, Value
	Answered                              // to a client: Client, Reply
	RoundEnded                            // proposer, without success: Key, Ballot, Attempts, Refused
)

// Observation is one thing that a node has done.
type Observation struct {
	Kind       ObservationKind
	Rejections uint8  // members that have refused a round
	Waiting    uint16 // operations that wait for the next round; 65,535 stands for more, too
	Attempts   uint32 // that a round took, counted to the end: see Config.RetryAttempts
	Client     ID

	Key        string
	Ballot     Ballot
	Value      *Value
	BaseBallot Ballot // what Value goes on from was accepted at this
	DurableAt  wal.LSN
	Boot       uint64
	Reply      *Reply
}

func (f Observation) String() string {
	switch f.Kind {
	case Started:
		return fmt.Sprintf("started boot %d", f.Boot)
	case BootReady:
		return fmt.Sprintf("ready in boot %d", f.Boot)
	case Promised:
		return fmt.Sprintf("promised %s %v, durable at %d", f.Key, f.Ballot, f.DurableAt)
	case Accepted:
		return fmt.Sprintf("accepted %s %v %v, durable at %d", f.Key, f.Ballot, f.Value, f.DurableAt)
	case Durable:
		return fmt.Sprintf("durable %d", f.DurableAt)
	case Proposed:
		return fmt.Sprintf("proposed %s %v %v after %v", f.Key, f.Ballot, f.Value, f.BaseBallot)
	case Chosen:
		return fmt.Sprintf("chosen %s %v %v", f.Key, f.Ballot, f.Value)
	case Learnt:
		return fmt.Sprintf("learnt %s %v %v", f.Key, f.Ballot, f.Value)
	case RoundEnded:
		return fmt.Sprintf("round %v of %s failed", f.Ballot, f.Key)
	}
	return "answered " + f.Reply.String()
}

func (n *Node) observe(f Observation) {
	if n.cfg.Observer != nil {
		n.cfg.Observer.Observe(f)
	}
}
