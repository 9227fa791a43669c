package play

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

const ms = netmodel.Millisecond

// mail is a message of the foreign system.
type mail struct {
	kind  string
	about *scenarios.Invocation
	body  []string
}

func (m *mail) FateKey() uint64  { return sim.FateKey(m.kind, m.about.Key, m.about.ID) }
func (m *mail) FateName() string { return m.kind + " " + m.about.Key + " " + m.about.ID }
func (m *mail) Digest() uint64 {
	return keyed.Mix(m.FateKey(), keyed.String(strings.Join(m.body, " "))) | 1
}
func (m *mail) String() string {
	return strings.TrimSpace(m.FateName() + " " + strings.Join(m.body, " "))
}

// foreign is a system of somebody else: node 1 keeps all machines in its memory, the
// other nodes do nothing, and clients ask node 1. A test replaces the parts that it
// has wrong.
type foreign struct {
	node       func(id sim.ID, now scenarios.Duration, ev *sim.Event, out *sim.Effects) (done bool)
	client     func(id sim.ID, ev *sim.Event, out *sim.Effects) (done bool)
	none       bool // the system makes no clients
	unmakeable bool // making a node panics
}

func (f foreign) system() scenarios.System {
	return scenarios.System{
		Name: "foreign", Definitions: []fsm.Definition{fsm.Lifecycle()},
		New: func(p *scenarios.Plan) scenarios.Run { return &foreignRun{f, p, map[string]string{}} },
	}
}

type foreignRun struct {
	foreign
	plan   *scenarios.Plan
	states map[string]string
}

// stepFunc is a process.
type stepFunc func(now scenarios.Duration, ev *sim.Event, out *sim.Effects)

func (s stepFunc) Step(now scenarios.Duration, ev *sim.Event, out *sim.Effects) { s(now, ev, out) }

func (r *foreignRun) Node(id sim.ID, _ int) sim.Process {
	if r.unmakeable {
		panic("no node today")
	}
	return stepFunc(func(now scenarios.Duration, ev *sim.Event, out *sim.Effects) {
		if r.node != nil && r.node(id, now, ev, out) {
			return
		}
		if m, ok := ev.Message.(*mail); ok && ev.Kind == sim.Receive {
			out.Send(ev.From, &mail{"reply", m.about, r.carryOut(m.about.Operation)})
		}
	})
}

// carryOut returns the outcome, the reason or "-", and the state.
func (r *foreignRun) carryOut(o *scenarios.Operation) []string {
	d, _ := r.plan.Definition(o.Key)
	state, known := r.states[o.Key]
	if !known {
		state = d.Initial
	}
	if o.Kind == scenarios.Propose {
		if !d.Legal(state, o.Argument) {
			return []string{"rejected", scenarios.Illegal, state}
		}
		state = o.Argument
		r.states[o.Key] = state
	}
	return []string{"committed", "-", state}
}

func (r *foreignRun) Client(id sim.ID) sim.Process {
	if r.none {
		return nil
	}
	return stepFunc(func(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
		if r.client != nil && r.client(id, ev, out) {
			return
		}
		switch ev.Kind {
		case sim.Invoke:
			out.Send(1, &mail{"request", ev.Message.(*scenarios.Invocation), nil})
		case sim.Receive:
			m := ev.Message.(*mail)
			out.Observe(responseTo(m.about.Operation, m.body))
		}
	})
}

func responseTo(o *scenarios.Operation, body []string) *scenarios.Response {
	r := &scenarios.Response{Operation: o, Outcome: scenarios.Outcome(body[0]), State: body[2], Version: scenarios.NoVersion}
	if body[1] != "-" {
		r.Reason = body[1]
	}
	return r
}

func (r *foreignRun) Observe(scenarios.Duration, sim.ID, sim.Observation) *scenarios.Violation {
	return nil
}

func (r *foreignRun) Agree(scenarios.Duration) *scenarios.Violation { return nil }

// calmPlan is a plan without faults: two clients with two operations each.
func calmPlan() *scenarios.Plan {
	p := &scenarios.Plan{
		Format: scenarios.Format, Version: scenarios.Version, System: "foreign", Seed: 1, Nodes: 3, Clients: 2,
		Definitions: []fsm.Definition{fsm.Lifecycle()},
		Network:     netmodel.Profile{Delay: netmodel.Delay{Min: ms}},
		Heal:        scenarios.Heal{At: 100 * ms, Delay: ms, Within: 1000 * ms, Settle: 100 * ms},
	}
	p.Disk.Sync.Min = ms
	for i := range 4 {
		p.Operations = append(p.Operations, scenarios.Operation{
			ID: fmt.Sprintf("c%d.%d", 1+i%2, 1+i/2), Client: 1 + i%2, At: scenarios.Duration(10*i) * ms, Key: "lifecycle/a", Kind: scenarios.Read,
		})
	}
	return p
}

func runForeign(t *testing.T, f foreign) Result {
	r, err := Run(context.Background(), f.system(), calmPlan(), Options{Explain: true})
	require.NoError(t, err)
	return r
}

func TestAForeignSystemPasses(t *testing.T) {
	r := runForeign(t, foreign{})
	require.Equal(t, Passed, r.Status, r.Sentence())
	require.Equal(t, 5, r.Outcomes.Total())
	require.Empty(t, r.Evidence)
}

// A request that gets no reply: the evidence tells what every process has last
// received and sent.
func TestAClientThatWaitsIsTold(t *testing.T) {
	r := runForeign(t, foreign{node: func(_ sim.ID, _ scenarios.Duration, ev *sim.Event, _ *sim.Effects) bool {
		return ev.Kind == sim.Receive && ev.Message.FateName() == "request lifecycle/a c2.2"
	}})
	require.Equal(t, "liveness/client-stuck", r.Signature())
	require.Equal(t, strings.TrimPrefix(`
node 1 is up, in life 1
  received 11ms       receive from 102: request lifecycle/a c2.1
  received 21ms       receive from 101: request lifecycle/a c1.2
  received 31ms       receive from 102: request lifecycle/a c2.2
  sent     1ms        to 101: reply lifecycle/a c1.1 committed - Init, due at 2ms
  sent     11ms       to 102: reply lifecycle/a c2.1 committed - Init, due at 12ms
  sent     21ms       to 101: reply lifecycle/a c1.2 committed - Init, due at 22ms
  waits for no timer and no disk request
node 2 is up, in life 1
  received 0s         boot 1
  sent     nothing
  waits for no timer and no disk request
node 3 is up, in life 1
  received 0s         boot 1
  sent     nothing
  waits for no timer and no disk request
client 102 waits for c2.2 (read on lifecycle/a), and has 0 operations to follow
  received 10ms       invoked: call lifecycle/a c2.1 read
  received 12ms       receive from 1: reply lifecycle/a c2.1 committed - Init
  received 30ms       invoked: call lifecycle/a c2.2 read
  sent     10ms       to 1: request lifecycle/a c2.1, due at 11ms
  sent     30ms       to 1: request lifecycle/a c2.2, due at 31ms
`, "\n"), r.Evidence)
}

// A fresh operation on the healed network gets no reply, while node 2 has a timer
// that keeps coming and a disk request that takes long.
func TestWhatANodeWaitsForIsTold(t *testing.T) {
	f := foreign{node: func(id sim.ID, _ scenarios.Duration, ev *sim.Event, out *sim.Effects) bool {
		if id == 2 && (ev.Kind == sim.Boot || ev.Kind == sim.Timer) {
			out.SetTimer(0x2a, 30*ms)
			out.Disk(disk.Request{Op: disk.Write, File: "log", Token: 0x2b, Quiet: true})
		}
		return ev.Kind == sim.Receive && strings.HasPrefix(ev.Message.FateName(), "request lifecycle/a h")
	}}
	p := calmPlan()
	p.Disk.Write.Min = 29 * ms
	r, err := Run(context.Background(), f.system(), p, Options{Explain: true})
	require.NoError(t, err)
	require.Equal(t, "liveness/fresh-operation-stuck", r.Signature())
	require.Regexp(t, `node 2 is up, in life 1\n.*\n.*\n  waits for timer 2a in [0-9.]+ms, disk write log \(2b\) in [0-9.]+ms\n`, r.Evidence)
	require.Contains(t, r.Evidence, "client 199 waits for a fresh operation, attempt 1\n"+
		"  received 0s         boot 1\n  received 200ms      invoked: call lifecycle/a h2.1.1 propose")
}

// Without Options.Explain, as in a campaign, nothing is told.
func TestNothingIsToldUnasked(t *testing.T) {
	f := foreign{client: func(sim.ID, *sim.Event, *sim.Effects) bool { return true }}
	r, err := Run(context.Background(), f.system(), calmPlan(), Options{})
	require.NoError(t, err)
	require.Equal(t, "liveness/client-stuck", r.Signature())
	require.Empty(t, r.Evidence)
}

// A run that does not end: the evidence names the event that keeps it going.
func TestATimerStormIsTold(t *testing.T) {
	r := runForeign(t, foreign{node: func(id sim.ID, _ scenarios.Duration, ev *sim.Event, out *sim.Effects) bool {
		if id == 2 && (ev.Kind == sim.Boot || ev.Kind == sim.Timer) {
			out.SetTimer(0x1f, 0)
		}
		return false
	}})
	require.Equal(t, "liveness/not-converged", r.Signature())
	require.Regexp(t, `^the most frequent event, [0-9]{7} times, is of process 2: timer 1f\n\(work that is asked for again`, r.Evidence)
	require.Contains(t, r.Evidence, "waits for timer 1f in 0s")
}

// Each misuse ends the run with a signature of the harness, and with words for its
// author.
func TestMisuseEndsARun(t *testing.T) {
	answers := func(edit func(*scenarios.Response)) foreign {
		return foreign{client: func(_ sim.ID, ev *sim.Event, out *sim.Effects) bool {
			if ev.Kind != sim.Receive {
				return false
			}
			r := responseTo(ev.Message.(*mail).about.Operation, ev.Message.(*mail).body)
			edit(r)
			out.Observe(r)
			return true
		}}
	}
	var kept *mail
	for name, c := range map[string]struct {
		foreign
		signature string
		want      []string
	}{
		"an outcome of another word": {
			answers(func(r *scenarios.Response) { r.Outcome = "ok" }), "harness/bad-response",
			[]string{`client 101 observes a Response to c1.1 with outcome "ok": want "committed", "rejected" or "unknown"`},
		},
		"a response to another's operation": {
			answers(func(r *scenarios.Response) { o := *r.Operation; o.Client = 2; r.Operation = &o }), "harness/bad-response",
			[]string{"client 101 observes a Response to c1.1, an operation of client 102"},
		},
		"a response of a node": {
			foreign{node: func(_ sim.ID, _ scenarios.Duration, ev *sim.Event, out *sim.Effects) bool {
				if m, ok := ev.Message.(*mail); ok {
					out.Observe(responseTo(m.about.Operation, []string{"committed", "-", "Init"}))
				}
				return true
			}}, "harness/bad-response",
			[]string{"node 1 observes a Response, to c1.1: a client observes it"},
		},
		"a second response": {
			foreign{client: func(_ sim.ID, ev *sim.Event, out *sim.Effects) bool {
				if ev.Kind == sim.Receive {
					out.Observe(responseTo(ev.Message.(*mail).about.Operation, []string{"committed", "-", "Init"}))
				}
				return false
			}}, "client/unexpected-return",
			[]string{"with no operation in progress"},
		},
		"no process": {
			foreign{none: true}, "harness/no-process",
			[]string{"the system makes a nil process for life 1 of process 101"},
		},
		"a node that cannot be made": {
			foreign{unmakeable: true}, "assertion/panic-no-node-today",
			[]string{"Panic: no node today"},
		},
		"a message that its receiver changes": {
			foreign{client: func(_ sim.ID, ev *sim.Event, _ *sim.Effects) bool {
				if ev.Kind == sim.Receive {
					ev.Message.(*mail).body[2] = "Running"
				}
				return false
			}}, "harness/message-changed",
			[]string{`a message of process 1 to process 101, sent at 1ms as "reply lifecycle/a c1.1 committed - Init", has changed, ` +
				`and is "reply lifecycle/a c1.1 committed - Running": found at 2ms, in a step of process 101: receive from 1`},
		},
		"a message that its receiver changes later": {
			foreign{node: func(id sim.ID, _ scenarios.Duration, ev *sim.Event, out *sim.Effects) bool {
				switch {
				case ev.Kind == sim.Boot && id == 2:
					out.SetTimer(7, 5*ms)
				case ev.Kind == sim.Timer && kept != nil:
					kept.body[0] = "rejected"
				}
				return false
			}, client: func(_ sim.ID, ev *sim.Event, _ *sim.Effects) bool {
				if ev.Kind == sim.Receive {
					kept = ev.Message.(*mail)
				}
				return false
			}}, "harness/message-changed",
			[]string{"found at 5ms, in a step of process 2: timer 7"},
		},
		"a message to no process": {
			foreign{client: func(_ sim.ID, ev *sim.Event, out *sim.Effects) bool {
				if ev.Kind == sim.Invoke {
					out.Send(9, &mail{"request", ev.Message.(*scenarios.Invocation), nil})
				}
				return true
			}}, "harness/unknown-receiver",
			[]string{"process 101 sends to 9, which is no process of this world: request lifecycle/a c1.1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept = nil
			r := runForeign(t, c.foreign)
			require.Equal(t, c.signature, r.Signature(), r.Sentence())
			require.Equal(t, strings.HasPrefix(c.signature, "harness/"), r.IsMisuse())
			for _, want := range c.want {
				require.Contains(t, r.Sentence(), want)
			}
		})
	}
}

// A system that cannot be run is an error, which names the field.
func TestASystemThatCannotRunIsAnError(t *testing.T) {
	for want, edit := range map[string]func(*scenarios.System){
		"invalid system foreign: new: want a function that makes the Run of a plan": func(s *scenarios.System) { s.New = nil },
		"invalid system foreign: new: it has made no Run":                           func(s *scenarios.System) { s.New = func(*scenarios.Plan) scenarios.Run { return nil } },
		"invalid system foreign: AppendMarks: it appends 1 counts, and Marks has 2 names": func(s *scenarios.System) {
			s.Marks = []string{"a", "b"}
			inner := s.New
			s.New = func(p *scenarios.Plan) scenarios.Run { return oneMark{inner(p)} }
		},
	} {
		sys := foreign{}.system()
		edit(&sys)
		_, err := Run(context.Background(), sys, calmPlan(), Options{})
		require.EqualError(t, err, want)
		require.ErrorIs(t, err, scenarios.ErrSystem)
	}
}

// oneMark is a run that counts one mark.
type oneMark struct{ scenarios.Run }

func (oneMark) AppendMarks(list []uint64) []uint64 { return append(list, 1) }
