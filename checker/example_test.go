package checker_test

import (
	"context"
	"fmt"

	"github.com/lockstep-dst/lockstep/checker"
)

// A test of a system records the operations of its clients and checks the
// history.
func ExampleCheck() {
	h := checker.History{
		Model: checker.ModelCASRegister,
		Operations: []checker.Operation{
			{Client: 0, ID: "a", Kind: checker.KindWrite, Argument: "1", Call: 0, Return: 10, Outcome: checker.Committed, Version: checker.NoVersion},
			{Client: 1, ID: "b", Kind: checker.KindCAS, Expected: "1", Argument: "2", Call: 5, Outcome: checker.Unknown, Return: checker.NoReturn, Version: checker.NoVersion},
			{Client: 2, ID: "c", Kind: checker.KindRead, Call: 20, Return: 30, Outcome: checker.Committed, State: "2", Version: checker.NoVersion},
			{Client: 2, ID: "d", Kind: checker.KindRead, Call: 40, Return: 50, Outcome: checker.Committed, State: "1", Version: checker.NoVersion},
		},
	}
	r := checker.Check(context.Background(), h, checker.Options{Explain: true})
	fmt.Println(r.Status)
	fmt.Println(r.Explanation)
	fmt.Print(checker.Timeline(r.Contradiction))
	// Output:
	// violated
	// register: d read 1 between 40ns and 50ns, when the state can only have been 2; c had read 2 by 30ns
	// c  |--|        read 2  20ns to 30ns
	// d        |--|  read 1  40ns to 50ns
}

// A stream checks the history while the system runs.
func ExampleStream() {
	s := checker.NewStream(context.Background(), checker.History{Model: checker.ModelRegister}, checker.Options{Unversioned: true})
	for _, op := range []checker.Operation{
		{ID: "a", Kind: checker.KindWrite, Argument: "1", Call: 0, Return: 10, Outcome: checker.Committed, Version: checker.NoVersion},
		{ID: "b", Kind: checker.KindRead, Call: 20, Return: 30, Outcome: checker.Committed, State: "1", Version: checker.NoVersion},
	} {
		if err := s.Add(op); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(s.Advance(40).Status) // no operation that was called before 40 is still in flight
	fmt.Println(s.Finish().Status)
	// Output:
	// linearizable
	// linearizable
}
