package sim_test

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// greeting is a message, and an observation too.
type greeting string

func (g greeting) FateKey() uint64  { return sim.FateKey("greeting", "-", string(g)) }
func (g greeting) Digest() uint64   { return g.FateKey() }
func (g greeting) FateName() string { return "greeting - " + string(g) }
func (g greeting) String() string   { return string(g) }

// greeter greets process 2 at an invocation, and once more a second later.
type greeter struct{}

func (greeter) Step(_ sim.Duration, ev *sim.Event, out *sim.Effects) {
	switch ev.Kind {
	case sim.Invoke:
		out.Send(2, ev.Message)
		out.SetTimer(1, netmodel.Second)
	case sim.Timer:
		out.Send(2, greeting("goodbye"))
	case sim.Receive:
		out.Observe(ev.Message.(greeting))
	}
}

// Two processes, of which one is down when the first greeting arrives.
func ExampleWorld() {
	w, err := sim.New(sim.Config{
		Seed:      7,
		Processes: []sim.Spec{{ID: 1}, {ID: 2}},
		Network:   netmodel.Profile{Delay: netmodel.Delay{Min: 5 * netmodel.Millisecond}},
		New:       func(sim.ID, int) sim.Process { return greeter{} },
		Trace:     func(l sim.TraceLine) { fmt.Println(l) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	w.Start(1)
	w.Invoke(0, 1, greeting("hello"))
	w.Schedule(500*netmodel.Millisecond, "start 2", func() { w.Start(2) })
	w.Run(netmodel.Minute)
	fmt.Println(w.Stats().Delivered, "delivered,", w.Stats().Dropped, "lost")
	// Output:
	// 0s           1         boot 1
	// 0s           1         hello  (invoked)
	// 0s           1 → 2     hello  [1>2 greeting - hello #1] arrives 5ms
	// 5ms          2 ← 1     hello  lost on arrival: down
	// 500ms        *         start 2
	// 500ms        2         boot 1
	// 1s           1         timer 1
	// 1s           1 → 2     goodbye  [1>2 greeting - goodbye #1] arrives 1.005s
	// 1.005s       2 ← 1     goodbye
	// 1.005s       2         observation: goodbye
	// 1 delivered, 1 lost
}
