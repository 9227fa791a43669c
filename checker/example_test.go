package checker_test

import (
	"context"
	"fmt"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// A test of a system records the operations of its clients and checks the
// history.
func ExampleCheck() {
	h := history.History{
		Model: history.ModelCASRegister,
		Operations: []history.Operation{
			{Client: 0, ID: "a", Kind: history.KindWrite, Argument: "1", Call: 0, Return: 10, Outcome: history.Committed, Version: history.NoVersion},
			{Client: 1, ID: "b", Kind: history.KindCAS, Expected: "1", Argument: "2", Call: 5, Outcome: history.Unknown, Return: history.NoReturn, Version: history.NoVersion},
			{Client: 2, ID: "c", Kind: history.KindRead, Call: 20, Return: 30, Outcome: history.Committed, State: "2", Version: history.NoVersion},
			{Client: 2, ID: "d", Kind: history.KindRead, Call: 40, Return: 50, Outcome: history.Committed, State: "1", Version: history.NoVersion},
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
// A semaphore with two permits is an object of a user.
func ExampleCheck_model() {
	semaphore := &model.Model{
		Grammar: history.Grammar{
			Name:  "semaphore",
			Kinds: []history.KindForm{{Kind: "take", Illegal: "no permit was left"}, {Kind: "give"}},
		},
		Init: func(string) any { return 2 },
		Step: func(state any, op *history.Operation) (any, bool) {
			free := state.(int)
			switch {
			case op.Outcome == history.Rejected:
				return free, op.Kind == "take" && free == 0
			case op.Kind == "take":
				return free - 1, free > 0
			}
			return free + 1, free < 2
		},
		Describe:  func(state any) string { return fmt.Sprintf("at %d free", state) },
		Anonymous: true, // Step does not look at clients
	}
	take := func(id string, call, ret int64) history.Operation {
		return history.Operation{ID: id, Machine: "gate", Kind: "take", Call: call, Return: ret, Outcome: history.Committed, Version: history.NoVersion}
	}
	h := history.History{Model: "semaphore", Operations: []history.Operation{take("a", 0, 10), take("b", 5, 20), take("c", 30, 40)}}
	fmt.Println(checker.Check(context.Background(), h, checker.Options{Model: semaphore}).Explanation)
	// Output:
	// gate: c completed take between 30ns and 40ns, when it can only have been at 0 free; b had completed take by 20ns
}

func ExampleStream() {
	s := checker.NewStream(context.Background(), history.History{Model: history.ModelRegister}, checker.Options{Unversioned: true})
	for _, op := range []history.Operation{
		{ID: "a", Kind: history.KindWrite, Argument: "1", Call: 0, Return: 10, Outcome: history.Committed, Version: history.NoVersion},
		{ID: "b", Kind: history.KindRead, Call: 20, Return: 30, Outcome: history.Committed, State: "1", Version: history.NoVersion},
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
