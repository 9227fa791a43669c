package kit

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/sim"
)

// ClientConfig describes a Client.
type ClientConfig struct {
	Nodes    []sim.ID     // in the order in which they are tried, round and round
	Attempt  sim.Duration // time for which an attempt waits for its reply, if the request may be repeated
	Deadline sim.Duration // time from Start until the outcome is final, whatever it is
	// Backoff is the pause before the second attempt. It doubles with each further
	// attempt, up to MaxBackoff; 0: there is no pause.
	Backoff, MaxBackoff sim.Duration
	// Classify tells what a message means for the request in progress. body is that of
	// the message, as by Body.
	Classify func(from sim.ID, body any) Reply
	// Token and Token+1 are the tokens of the client's timers; 0: 1<<62. The process
	// must have no others of them.
	Token uint64
}

// Validate reports the first field that is out of bounds.
func (c *ClientConfig) Validate() error {
	switch {
	case len(c.Nodes) == 0:
		return errors.New("nodes: want at least one to send requests to")
	case slices.Contains(c.Nodes, 0):
		return errors.New("nodes: 0 is no process")
	case c.Attempt <= 0:
		return fmt.Errorf("attempt: %v: want more than 0s", c.Attempt)
	case c.Deadline < c.Attempt:
		return fmt.Errorf("deadline: %v: want at least the %v of an attempt", c.Deadline, c.Attempt)
	case c.Backoff < 0 || c.MaxBackoff < c.Backoff:
		return fmt.Errorf("backoff: %v up to %v: want 0s or more, and no more than max backoff", c.Backoff, c.MaxBackoff)
	case c.Classify == nil:
		return errors.New("classify: want a function that tells what a reply means")
	}
	return nil
}

// Answer is the meaning of a reply.
type Answer uint8

// The answers. A node may give Retry or Refused only if it is certain that this attempt
// has and will have no effect, and Void only if the same goes for all attempts of the
// request, as a node can say that tells requests apart by their ids.
const (
	NotMine Answer = iota // it is no reply to the request in progress
	Done                  // the request was carried out
	Retry                 // the attempt was turned away: another node, or the same later, may carry it out
	Refused               // the attempt is turned away for good: it is not worth another one
	Void                  // no attempt has had or will have an effect
)

func (a Answer) String() string {
	return [...]string{"not-mine", "done", "retry", "refused", "void"}[a]
}

// Reply is a reply to a request.
type Reply struct {
	Answer  Answer
	Attempt int    // number of the attempt that it answers, if it says so; else 0
	Try     sim.ID // of Retry: the node to try next, if it is known; else 0
	Reason  string // of Retry, Refused and Void: words for people. In a scenario the word "illegal" of Refused is judged, see scenarios.Illegal
}

// Outcome is what a client knows of a request in the end.
type Outcome uint8

// The outcomes.
const (
	Unknown  Outcome = iota // it may have been carried out, or yet be
	Accepted                // it was carried out
	Rejected                // it has had and will have no effect
)

func (o Outcome) String() string { return [...]string{"unknown", "accepted", "rejected"}[o] }

// Request is a request of a client.
type Request struct {
	// Message returns the message of an attempt, counted from 1, for kit.Message, or a
	// sim.Message that is sim.Single: requests travel over a connection.
	Message func(attempt int) any
	First   sim.ID // the node to try first; 0: the one that has replied last
	// Repeat has the client send the request again though an earlier attempt may have
	// been carried out. That is right for reads, and for nodes that tell the attempts of
	// a request from new requests. Without it an attempt has until the deadline.
	Repeat bool
}

// Result is the end of a request.
type Result struct {
	Outcome  Outcome
	Reason   string // for people: of Unknown and Rejected
	Node     sim.ID // that replied; 0: none did
	Body     any    // of the reply; nil: there is none
	Attempts int
}
