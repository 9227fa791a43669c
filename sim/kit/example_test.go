package kit_test

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
)

// A message is a plain struct; the tagged fields name it.
func ExampleMessage() {
	type Prepare struct {
		Key   string `fate:"key"`
		Op    string `fate:"op"`
		Term  int
		Value string
	}
	m := kit.Message(Prepare{Key: "x", Op: "c1.2", Term: 3, Value: "a new one"})
	fmt.Println(m.FateName())
	fmt.Println(m)
	switch body := kit.Body(m).(type) {
	case Prepare:
		fmt.Println(body.Term)
	}
	// Output:
	// prepare x c1.2
	// prepare x c1.2 Term=3 Value="a new one"
	// 3
}

// An observation is a plain struct as well.
func ExampleFact() {
	type Applied struct {
		Index int
		Value string
	}
	fmt.Println(kit.Fact(Applied{7, "on"}))
	// Output: applied Index=7 Value=on
}

// An oracle is a function over facts. It is a world's observer until its first error.
func ExampleObserver() {
	type Elected struct{ Term int }
	leaders := map[int]sim.ID{}
	one := kit.Observer(func(_ sim.Duration, id sim.ID, fact any) error {
		if f, ok := fact.(Elected); ok {
			if other, known := leaders[f.Term]; known && other != id {
				return errors.New("two leaders in a term")
			}
			leaders[f.Term] = id
		}
		return nil
	})
	var violation error
	observe := one.First(&violation) // as sim.Config.Observe
	observe(5*ms, 1, kit.Fact(Elected{Term: 3}))
	observe(9*ms, 2, kit.Fact(Elected{Term: 3}))
	fmt.Println(violation)
	// Output: 9ms, process 2: two leaders in a term
}

// beacon counts the heartbeats until an election.
type beacon struct {
	timers kit.Timers
	beats  int
}

const (
	heartbeat = iota + 1
	election
)

func (b *beacon) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind == sim.Boot {
		b.timers.Every(now, out, heartbeat, 50*ms)
		b.timers.After(now, out, election, 175*ms)
	}
	switch name, _ := b.timers.Fired(now, ev, out); name {
	case heartbeat:
		b.beats++
	case election:
		b.timers.Cancel(heartbeat)
		fmt.Println("election at", now, "after", b.beats, "heartbeats")
	}
}

func ExampleTimers() {
	run(&beacon{}, nil)
	// Output: election at 175ms after 3 heartbeats
}

// ledger keeps each invocation in a log.
type ledger struct {
	log *kit.Log
	err error
}

func (l *ledger) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	switch {
	case ev.Kind == sim.Boot:
		l.log, l.err = kit.OpenLog("ledger", ev.Disk, out, func(_ sim.Duration, _ *sim.Effects, records [][]byte) {
			fmt.Printf("life %d begins with %q\n", l.log.Boots(), records)
		})
	case ev.Kind == sim.Invoke && l.log.Ready():
		entry := kit.Body(ev.Message).(token)
		l.log.Append(out, fmt.Append(nil, entry), func(now sim.Duration, out *sim.Effects) {
			fmt.Println(entry, "is durable") // only now may others hear of it
		})
	default:
		_, l.err = l.log.Step(now, ev, out)
	}
	if l.err != nil {
		fmt.Println("stops:", l.err)
	}
}

func ExampleLog() {
	run(&ledger{}, func(w *sim.World) {
		w.Invoke(10*ms, 1, kit.Message(token(1)))
		w.Invoke(20*ms, 1, kit.Message(token(2)))
		w.Schedule(30*ms, "power loss", func() { w.LosePower(1) })
		w.Schedule(40*ms, "start", func() { w.Start(1) })
	})
	// Output:
	// life 1 begins with []
	// 1 is durable
	// 2 is durable
	// life 2 begins with ["1" "2"]
}

// reader asks for a value until a node has it.
type reader struct{ client *kit.Client }

func (r *reader) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind == sim.Invoke {
		r.client.Start(now, out, kit.Request{Repeat: true, Message: func(attempt int) any { return ask{7, attempt} }})
	}
	if result, done := r.client.Step(now, ev, out); done {
		fmt.Printf("%v: %v by node %d, attempt %d\n", now, result.Outcome, result.Node, result.Attempts)
	}
}

func ExampleClient() {
	client := kit.NewClient(kit.ClientConfig{
		Nodes: []sim.ID{2, 3}, Attempt: 20 * ms, Deadline: 100 * ms, Backoff: ms, MaxBackoff: 10 * ms,
		Classify: func(_ sim.ID, body any) kit.Reply {
			if m, ok := body.(answer); ok && m.Op == 7 { // to this request, and not to an earlier one
				return kit.Reply{Answer: m.Answer, Attempt: m.Attempt}
			}
			return kit.Reply{}
		},
	})
	nodes := map[sim.ID]sim.Process{
		1: &reader{client},
		2: &scripted{words: []string{"silent"}},
		3: &scripted{words: []string{"retry", "done"}}, // it is not ready at first
	}
	w, _ := sim.New(sim.Config{
		Processes: []sim.Spec{{ID: 1}, {ID: 2}, {ID: 3}},
		New:       func(id sim.ID, _ int) sim.Process { return nodes[id] },
	})
	for id := range sim.ID(3) {
		w.Start(id + 1)
	}
	w.Invoke(0, 1, kit.Message(token(1)))
	w.Run(sec)
	// Output: 47ms: accepted by node 3, attempt 4
}

// A library gets its random numbers from a source of the seed, the process and its life.
func ExampleSource() {
	source := kit.NewSource(7, 1, 1)
	election := rand.New(source.Named("election"))
	again := rand.New(kit.NewSource(7, 1, 1).Named("election"))
	fmt.Println(election.IntN(1000) == again.IntN(1000))
	// Output: true
}

// run runs one process for a second.
func run(p sim.Process, script func(w *sim.World)) {
	w, err := sim.New(sim.Config{Processes: []sim.Spec{{ID: 1}}, New: func(sim.ID, int) sim.Process { return p }})
	if err != nil {
		fmt.Println(err)
		return
	}
	w.Start(1)
	if script != nil {
		script(w)
	}
	w.Run(sec)
}
