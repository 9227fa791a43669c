package play

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// harnessProperty is the property of violations that are misuse of the harness. It
// says nothing about the protocol under test.
const harnessProperty = "harness"

// IsMisuse reports whether the system has misused the harness: its code breaks the
// contract of package sim or of this package, and the rest of the verdict means
// nothing.
func (r *Result) IsMisuse() bool {
	return r.Violation != nil && r.Violation.Property == harnessProperty
}

// misuseViolation is a misuse of the simulator as a violation.
func misuseViolation(m *sim.Misuse) *scenarios.Violation {
	return &scenarios.Violation{Property: harnessProperty, Class: m.Class, At: m.At, Sentence: "Misuse of the harness: " + m.Text}
}

// responseMisuse returns a violation if a process may not observe a response.
func (s *runner) responseMisuse(at scenarios.Duration, id sim.ID, r *scenarios.Response) *scenarios.Violation {
	text := ""
	switch {
	case !scenarios.IsClient(id):
		text = fmt.Sprintf("node %d observes a Response, to %s: a client observes it, when it has the reply of a node", id, r.Operation.ID)
	case scenarios.ClientID(r.Operation.Client) != id:
		text = fmt.Sprintf("client %d observes a Response to %s, an operation of client %d: each client ends its own",
			id, r.Operation.ID, scenarios.ClientID(r.Operation.Client))
	case r.Outcome != scenarios.Committed && r.Outcome != scenarios.Rejected && r.Outcome != scenarios.Unknown:
		text = fmt.Sprintf("client %d observes a Response to %s with outcome %q: want %q, %q or %q",
			id, r.Operation.ID, r.Outcome, scenarios.Committed, scenarios.Rejected, scenarios.Unknown)
	case s.objects.Model() != nil && r.Outcome == scenarios.Rejected && r.Reason == "":
		text = fmt.Sprintf("client %d observes a Response to %s that rejects it without a reason: want %q if it was impossible in the state of the object, or any other word if it only had no effect",
			id, r.Operation.ID, scenarios.Illegal)
	default:
		err := s.history.judgeable(at, r)
		if err == nil {
			return nil
		}
		text = fmt.Sprintf("client %d observes a Response to %s that no history has: %v", id, r.Operation.ID, err)
	}
	return &scenarios.Violation{Property: "harness", Class: "bad-response", At: at, Sentence: "Misuse of the harness: " + text}
}

// processOf is code, which the system has made for a life of a process. If it is
// nil, the run ends.
func (s *runner) processOf(id sim.ID, life int, code sim.Process) sim.Process {
	if code != nil {
		return code
	}
	s.violate(&scenarios.Violation{
		Property: "harness", Class: "no-process", At: s.now(),
		Sentence: fmt.Sprintf("Misuse of the harness: the system makes a nil process for life %d of process %d", life, id),
	})
	return noProcess{}
}

// now is the time of the world; 0 before there is one.
func (s *runner) now() scenarios.Duration {
	if s.world == nil {
		return 0
	}
	return s.world.Now()
}

// noProcess stands for a process that the system did not make.
type noProcess struct{}

// Step implements sim.Process.
func (noProcess) Step(scenarios.Duration, *sim.Event, *sim.Effects) {}
