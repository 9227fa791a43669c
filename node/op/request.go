package op

import "fmt"

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
	ID      ID     // the same in all attempts; it may carry a watermark
	Attempt uint32 // returned in the reply
	To      string // propose: the requested state
	// Watermark (propose) is the watermark that a client claims. The node does not
	// rely on it, since it may change from one attempt to the next: see ID. From
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

// About returns the key of the machine and the id of the operation.
func (m *Request) About() (string, ID) { return m.Key, m.ID }

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
