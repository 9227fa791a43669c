// Package play runs one plan: it joins a system under test, the simulator and the
// checker.
//
//	result, err := play.Run(ctx, sys, plan, play.Options{Explain: true})
//	fmt.Println(result.Text(plan))
//
// Run returns the verdict on a plan. Inspect shows the state of its nodes
// at an event, Instants lists the moments of its fault phase, and FindDifference
// looks for the first difference of runs that should be the same.
package play
