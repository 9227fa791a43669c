package model_test

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// A model is the first state of an object, and the step of an operation: the state after
// it, and whether the response fits. This one is a light that is switched on once.
func Example() {
	light := model.Model{
		Grammar: history.Grammar{Name: "light", Kinds: []history.KindForm{{Kind: "switch", Illegal: "it was on"}}},
		Init:    func(string) any { return false },
		Step: func(state any, op *history.Operation) (any, bool) {
			return true, state.(bool) == (op.Outcome == history.Rejected)
		},
	}
	fmt.Println(light.Validate())
	state, fits := light.Step(light.Init("hall"), &history.Operation{Kind: "switch", Outcome: history.Committed})
	fmt.Println(state, fits)
	_, fits = light.Step(state, &history.Operation{Kind: "switch", Outcome: history.Committed})
	fmt.Println(fits)
	// Output:
	// <nil>
	// true true
	// false
}
