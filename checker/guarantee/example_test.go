package guarantee_test

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/checker/guarantee"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// A client has committed two transitions. A stream reports the second without
// the first.
func Example() {
	h := history.History{
		Definitions: []fsm.Definition{fsm.Lifecycle()},
		Operations: []history.Operation{
			{
				Client: 1, ID: "c1.1", Machine: "lifecycle/a", Kind: history.KindPropose, Argument: "Running",
				Call: 1_000_000, Return: 2_000_000, Outcome: history.Committed, State: "Running", Version: 1,
			},
			{
				Client: 1, ID: "c1.2", Machine: "lifecycle/a", Kind: history.KindPropose, Argument: "Stopped",
				Call: 3_000_000, Return: 4_000_000, Outcome: history.Committed, State: "Stopped", Version: 2,
			},
		},
	}
	var observations []guarantee.Observation
	for _, line := range []string{
		`{"observe":"state","source":"w1","time":500000,"machine":"lifecycle/a","version":0,"state":"Init"}`,
		`{"observe":"transition","source":"w1","time":4500000,"machine":"lifecycle/a","version":2,"state":"Stopped","operation":"c1.2"}`,
	} {
		o, err := guarantee.ParseLine([]byte(line))
		if err != nil {
			fmt.Println(err)
			return
		}
		observations = append(observations, o)
	}
	verdicts, err := guarantee.Judge(h, observations, guarantee.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range verdicts {
		fmt.Printf("%s: %s\n", v.Guarantee, v.Status)
		if v.Explanation != "" {
			fmt.Println(v.Explanation)
		}
	}
	// Output:
	// chosen: holds
	// watch: violated
	// lifecycle/a: w1 reported Init at version 0 at 500µs, and next w1 reported a step to Stopped at version 2 by c1.2 at 4.5ms: it leaves out a step without a gap
	// monotonic-reads: unjudged
	// exactly-once: holds
	// convergence: unjudged
}
