package systemkit_test

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/systemkit"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
)

var errTwoLeaders = errors.New("two leaders in a term")

// An error of the observer is a violation. The innermost error gives it its class.
func ExampleObserver() {
	type Elected struct{ Term int }
	leaders := map[int]sim.ID{}
	observer := systemkit.Observer(func(_ sim.Duration, id sim.ID, fact any) error {
		f, ok := fact.(Elected)
		if !ok {
			return nil
		}
		if other := leaders[f.Term]; other != 0 && other != id {
			return fmt.Errorf("%w: nodes %d and %d in term %d", errTwoLeaders, other, id, f.Term)
		}
		leaders[f.Term] = id
		return nil
	})
	observer.Observe(5*netmodel.Millisecond, 1, kit.Fact(Elected{Term: 3}))
	v := observer.Observe(9*netmodel.Millisecond, 2, kit.Fact(Elected{Term: 3}))
	fmt.Println(v.Signature())
	fmt.Println(v.Sentence)
	// Output:
	// invariant/two-leaders-in-a-term
	// two leaders in a term: nodes 1 and 2 in term 3
}

// A client of a plan needs to know the requests and the replies of a system, and nothing
// else: plan and operation say when to ask, whom, and for how long.
func ExampleNewClient() {
	type Get struct {
		Key string `fate:"key"`
		Op  string `fate:"op"`
	}
	type Got struct{ Op, Value string }
	p := &scenarios.Plan{Nodes: 1, Knobs: scenarios.Knobs{ConsensusTimeout: netmodel.Second, ClientTimeout: netmodel.Second}}
	client := systemkit.NewClient(p, scenarios.ClientID(1), systemkit.Protocol{
		Request: func(inv *scenarios.Invocation, _ int) any { return Get{inv.Key, inv.ID} },
		Reply: func(inv *scenarios.Invocation, _ sim.ID, body any, to *scenarios.Response) kit.Reply {
			m, ok := body.(Got)
			if !ok || m.Op != inv.ID {
				return kit.Reply{} // a late reply to another operation
			}
			to.State = m.Value
			return kit.Reply{Answer: kit.Done}
		},
	})
	var out sim.Effects
	get := &scenarios.Operation{ID: "c1.1", Key: "x", Kind: scenarios.Read}
	client.Step(0, &sim.Event{Kind: sim.Invoke, Message: &scenarios.Invocation{Operation: get}}, &out)
	client.Step(5, &sim.Event{Kind: sim.Receive, From: 1, Message: kit.Message(Got{"c1.1", "on"})}, &out)
	for _, e := range out.List() {
		fmt.Println(e.Text)
	}
	// Output:
	// send to 1: get x c1.1
	// timer 4000000000000001 in 1s
	// timer 4000000000000000 in 1s
	// observe: c1.1 read committed in on
}
