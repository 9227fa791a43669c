package check

import (
	"slices"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/guarantee"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
)

// Guarantee is the JSON form of the verdict on one guarantee.
type Guarantee struct {
	Guarantee string `json:"guarantee"`
	Verdict   string `json:"verdict"`
	Judged    int    `json:"judged"` // operations, or observations and operations, that the verdict covers
	Class     string `json:"class,omitempty"`
	Machine   string `json:"machine,omitempty"`
	Sentence  string `json:"sentence,omitempty"`
}

// String returns the verdict as a line for people, with the sentence on a violation
// if there is one.
func (n Guarantee) String() string {
	text := n.Guarantee + ": " + n.Verdict
	if n.Sentence != "" {
		text += "\n" + printable.String(n.Sentence)
	}
	return text
}

// NewGuarantee returns the JSON form of r.
func NewGuarantee(r guarantee.Result) Guarantee {
	return Guarantee{string(r.Guarantee), string(r.Status), r.Judged, r.Class, r.Machine, r.Explanation}
}

// newGuarantees returns all verdicts; the one on linearizability comes first.
func newGuarantees(r checker.Result, operations int, guarantees []guarantee.Result) []Guarantee {
	first := Guarantee{"linearizability", string(r.Status), operations, r.Class, r.Machine, r.Explanation}
	if r.Status == checker.Linearizable {
		first.Verdict = string(guarantee.Holds)
	}
	all := []Guarantee{first}
	for _, v := range guarantees {
		all = append(all, NewGuarantee(v))
	}
	return all
}

// Worst returns the overall verdict on a history and the guarantees of its run.
func Worst(history checker.Status, guarantees []guarantee.Result) checker.Status {
	if slices.ContainsFunc(guarantees, func(v guarantee.Result) bool { return v.Status == guarantee.Violated }) {
		return checker.Violated
	}
	return history
}

// ExitCode returns the error that gives a command the exit code of a verdict, which is
// printed already; nil for linearizable.
func ExitCode(s checker.Status) error {
	switch s {
	case checker.Violated:
		return &cli.Error{Code: cli.Violated}
	case checker.Undecided:
		return &cli.Error{Code: cli.Undecided}
	}
	return nil
}

// IDs lists the ids of operations.
func IDs(ops []history.Operation) (ids []string) {
	for i := range ops {
		ids = append(ids, ops[i].ID)
	}
	return ids
}
