package systemkit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/systemkit"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"github.com/stretchr/testify/require"
)

// A system with one server: node 1 keeps the states of all machines in a log, and the
// other nodes send clients on to it.

type (
	request struct { // To is empty for a read
		Machine string `fate:"key"`
		ID      string `fate:"op"`
		Attempt int
		To      string
	}
	reply struct {
		Machine string `fate:"key"`
		ID      string `fate:"op"`
		Attempt int
		Answer  kit.Answer
		State   string
	}
	applied struct{ Machine, From, To string }
)

// bug is a bug of the system.
type bug string

const (
	none         bug = ""
	hasty        bug = "hasty"        // the server replies before its log is durable
	lawless      bug = "lawless"      // and carries out illegal transitions
	impatient    bug = "impatient"    // clients take any end for a rejection
	overdiligent bug = "overdiligent" // and send transitions again
)

var errIllegal = errors.New("an illegal transition")

func system(b bug) scenarios.System {
	return scenarios.System{
		Name: "server", About: "one server with a log", Definitions: []fsm.Definition{fsm.Lifecycle()}, Connections: true,
		Without: scenarios.FamiliesOfLoss(),
		New: func(p *scenarios.Plan) scenarios.Run {
			r := &run{plan: p, bug: b}
			r.Observer = r.check
			return r
		},
	}
}

type run struct {
	systemkit.Observer
	plan *scenarios.Plan
	bug  bug
}

func (r *run) Node(id sim.ID, _ int) sim.Process {
	return &server{run: r, id: id, states: map[string]string{}, durable: map[string]string{}}
}

func (r *run) Client(id sim.ID) sim.Process {
	return systemkit.NewClient(r.plan, id, systemkit.Protocol{
		Request: func(inv *scenarios.Invocation, attempt int) any {
			return request{inv.Key, inv.ID, attempt, inv.Argument}
		},
		Reply: func(inv *scenarios.Invocation, _ sim.ID, body any, to *scenarios.Response) kit.Reply {
			m, ok := body.(reply)
			if !ok || m.ID != inv.ID {
				return kit.Reply{}
			}
			to.State = m.State
			if m.Answer == kit.Refused && r.bug == impatient {
				m.Answer = kit.Void
			}
			return kit.Reply{Answer: m.Answer, Attempt: m.Attempt, Try: 1, Reason: scenarios.Illegal}
		},
		Repeat: func(inv *scenarios.Invocation) bool {
			return inv.Kind == scenarios.Read || r.bug == overdiligent || r.bug == impatient
		},
	})
}

func (r *run) check(_ sim.Duration, _ sim.ID, fact any) error {
	if f, ok := fact.(applied); ok {
		if d, _ := r.plan.Definition(f.Machine); !d.Legal(f.From, f.To) {
			return fmt.Errorf("%w: %s from %s to %s", errIllegal, f.Machine, f.From, f.To)
		}
	}
	return nil
}

type server struct {
	run             *run
	id              sim.ID
	log             *kit.Log
	states, durable map[string]string // by machine
}

func (s *server) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	var err error
	if ev.Kind == sim.Boot {
		s.log, err = kit.OpenLog("states", ev.Disk, out, func(_ sim.Duration, _ *sim.Effects, records [][]byte) {
			for _, r := range records {
				machine, state, _ := strings.Cut(string(r), " ")
				s.states[machine], s.durable[machine] = state, state
			}
		})
	} else {
		_, err = s.log.Step(now, ev, out)
	}
	if err != nil {
		out.Observe(&scenarios.Stopped{Err: err, RefusedToStart: ev.Kind == sim.Boot})
	}
	if ev.Kind == sim.Receive && err == nil && s.log.Ready() {
		s.receive(ev.From, kit.Body(ev.Message).(request), out)
	}
}

func (s *server) receive(from sim.ID, m request, out *sim.Effects) {
	answer := func(a kit.Answer, state string) kit.Then {
		return func(_ sim.Duration, out *sim.Effects) {
			out.Send(from, kit.Message(reply{m.Machine, m.ID, m.Attempt, a, state}))
		}
	}
	state := s.state(s.states, m.Machine)
	d, _ := s.run.plan.Definition(m.Machine)
	switch {
	case s.id != 1:
		answer(kit.Retry, "")(0, out)
	case m.To == "":
		answer(kit.Done, s.state(s.durable, m.Machine))(0, out)
	case !d.Legal(state, m.To) && s.run.bug != lawless: // that state may not be durable yet
		s.log.Append(out, []byte(m.Machine+" "+state), answer(kit.Refused, state))
	default:
		out.Observe(kit.Fact(applied{m.Machine, state, m.To}))
		s.states[m.Machine] = m.To
		s.log.Append(out, []byte(m.Machine+" "+m.To), func(now sim.Duration, out *sim.Effects) {
			s.durable[m.Machine] = m.To
			if s.run.bug != hasty {
				answer(kit.Done, m.To)(now, out)
			}
		})
		if s.run.bug == hasty {
			answer(kit.Done, m.To)(0, out)
		}
	}
}

func (s *server) state(of map[string]string, machine string) string {
	if state, ok := of[machine]; ok {
		return state
	}
	d, _ := s.run.plan.Definition(machine)
	return d.Initial
}

// The system is right under all faults that one server can survive, and a campaign finds
// each bug.
func TestASystemOfTheseParts(t *testing.T) {
	for _, c := range []struct {
		bug  bug
		want string // a signature among those found
	}{
		{none, ""},
		{hasty, "linearizability/read"},
		{lawless, "invariant/an-illegal-transition"},
		{impatient, "linearizability/rejected-effect"},
		{overdiligent, "linearizability/"},
	} {
		t.Run("bug "+string(c.bug), func(t *testing.T) {
			run := campaign.Campaign{System: system(c.bug), Shape: scenarios.Shape{Profile: scenarios.All}, Seeds: 200}
			sum, err := run.Run(t.Context(), nil)
			require.NoError(t, err)
			var found []string
			for _, g := range sum.Groups {
				found = append(found, fmt.Sprintf("%s in %d seeds, first %d", g.Signature, g.Count, g.First))
			}
			t.Log(found)
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Contains(t, strings.Join(found, "\n"), c.want)
		})
	}
}
