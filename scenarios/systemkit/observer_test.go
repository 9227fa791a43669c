package systemkit_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/systemkit"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"github.com/stretchr/testify/require"
)

func TestErrorsAreViolations(t *testing.T) {
	errForked := errors.New("two values in place 7, at Once")
	own := &systemkit.ViolationError{Violation: scenarios.Violation{Property: "agreement", Class: "fork", Machine: "m", Sentence: "Node 2 forked"}}
	for _, c := range []struct {
		err                 error
		signature, sentence string
	}{
		{errForked, "invariant/two-values-in-place-at-once", "two values in place 7, at Once"},
		{fmt.Errorf("node %d: %w: %d", 2, errForked, 4), "invariant/two-values-in-place-at-once", "node 2: two values in place 7, at Once: 4"},
		{errors.New("17"), "invariant/broken", "17"},
		{own, "agreement/fork", "Node 2 forked"},
		{fmt.Errorf("also: %w", own), "agreement/fork", "Node 2 forked"},
	} {
		var seen any
		o := systemkit.Observer(func(_ sim.Duration, _ sim.ID, fact any) error {
			seen = fact
			return c.err
		})
		v := o.Observe(5*netmodel.Millisecond, 2, kit.Fact(applied{"m", "a", "b"}))
		require.Equal(t, applied{"m", "a", "b"}, seen)
		require.Equal(t, c.signature, v.Signature())
		require.Equal(t, c.sentence, v.Sentence)
		require.Equal(t, 5*netmodel.Millisecond, v.At)
	}
	require.Zero(t, own.At, "an error may be a variable of a package")
	require.Nil(t, systemkit.Observer(func(sim.Duration, sim.ID, any) error { return nil }).Observe(0, 1, kit.Fact(applied{})))
	require.Nil(t, systemkit.Observer(nil).Observe(0, 1, kit.Fact(applied{})))
	require.Nil(t, systemkit.Observer(nil).Agree(0))
}

// clientRun runs one operation of a plan, with a node that replies as a function says, and
// returns the response and the nodes that were asked.
func clientRun(t *testing.T, p *scenarios.Plan, o *scenarios.Operation, timing kit.ClientConfig, replyOf func(node sim.ID, m request) (reply, bool)) (response *scenarios.Response, asked []sim.ID) {
	client := scenarios.ClientID(2)
	specs := []sim.Spec{{ID: client, SeesConnections: true}}
	for n := range p.Nodes {
		specs = append(specs, sim.Spec{ID: scenarios.NodeID(n + 1)})
	}
	w, err := sim.New(sim.Config{
		Processes: specs,
		Network:   netmodel.Profile{Delay: netmodel.Delay{Min: netmodel.Millisecond}},
		New: func(id sim.ID, _ int) sim.Process {
			if id == client {
				protocol := systemkit.Protocol{Timing: timing}
				protocol.Request = func(inv *scenarios.Invocation, attempt int) any {
					return request{inv.Key, inv.ID, attempt, inv.Argument}
				}
				protocol.Reply = func(_ *scenarios.Invocation, _ sim.ID, body any, to *scenarios.Response) kit.Reply {
					m := body.(reply)
					to.State, to.Version = m.State, 5
					return kit.Reply{Answer: m.Answer, Attempt: m.Attempt, Reason: "as it is"}
				}
				protocol.Repeat = func(*scenarios.Invocation) bool { return true }
				return systemkit.NewClient(p, id, protocol)
			}
			return processFunc(func(_ sim.Duration, ev *sim.Event, out *sim.Effects) {
				if ev.Kind != sim.Receive {
					return
				}
				asked = append(asked, id)
				if m, ok := replyOf(id, kit.Body(ev.Message).(request)); ok {
					out.Send(ev.From, kit.Message(m))
				}
			})
		},
		Observe: func(_ sim.Duration, _ sim.ID, f sim.Observation) { response = f.(*scenarios.Response) },
	})
	require.NoError(t, err)
	for _, s := range specs {
		w.Start(s.ID)
	}
	w.Invoke(0, client, &scenarios.Invocation{Operation: o})
	w.Run(netmodel.Second)
	require.NotNil(t, response)
	require.Same(t, o, response.Operation)
	return response, asked
}

type processFunc func(now sim.Duration, ev *sim.Event, out *sim.Effects)

func (f processFunc) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) { f(now, ev, out) }

func TestAClientOfAPlan(t *testing.T) {
	ms := netmodel.Millisecond
	p := &scenarios.Plan{Nodes: 3, Knobs: scenarios.Knobs{ConsensusTimeout: 8 * ms, ResendTimeout: 2 * ms, ClientTimeout: 30 * ms}}
	answer := func(a kit.Answer) func(sim.ID, request) (reply, bool) {
		return func(_ sim.ID, m request) (reply, bool) {
			return reply{m.Machine, m.ID, m.Attempt, a, "on"}, true
		}
	}
	o := &scenarios.Operation{ID: "c2.1", Key: "m", Kind: scenarios.Propose, Argument: "on"}

	r, asked := clientRun(t, p, o, kit.ClientConfig{}, answer(kit.Done))
	require.Equal(t, scenarios.Response{Operation: o, Outcome: scenarios.Committed, State: "on", Version: 5}, *r)
	require.Equal(t, []sim.ID{2}, asked, "client 2 is at home at node 2")

	r, _ = clientRun(t, p, o, kit.ClientConfig{}, answer(kit.Refused))
	require.Equal(t, scenarios.Response{Operation: o, Outcome: scenarios.Rejected, Reason: "as it is", State: "on", Version: 5}, *r)

	at3 := *o
	at3.Node = 3
	r, asked = clientRun(t, p, &at3, kit.ClientConfig{}, answer(kit.Retry))
	require.Equal(t, scenarios.Rejected, r.Outcome, "all attempts were turned away")
	require.Equal(t, "", r.State, "and no reply is the last word")
	require.EqualValues(t, scenarios.NoVersion, r.Version)
	require.Equal(t, []sim.ID{3, 1, 2}, asked[:3])

	lost := 0
	r, asked = clientRun(t, p, o, kit.ClientConfig{}, func(_ sim.ID, m request) (reply, bool) {
		lost++
		return reply{m.Machine, m.ID, m.Attempt, kit.Refused, "on"}, lost > 1
	})
	require.Equal(t, scenarios.Response{Operation: o, Outcome: scenarios.Unknown, Reason: "as it is", Version: scenarios.NoVersion}, *r, "the first attempt may have an effect")
	require.Equal(t, []sim.ID{2, 3}, asked)

	_, asked = clientRun(t, p, o, kit.ClientConfig{Nodes: []sim.ID{1}, Attempt: 5 * ms, Backoff: ms, MaxBackoff: ms, Deadline: 60 * ms}, func(sim.ID, request) (reply, bool) { return reply{}, false })
	require.Equal(t, []sim.ID{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, asked, "an attempt each 6ms")
}

func TestMisuseOfAClient(t *testing.T) {
	require.PanicsWithValue(t, "systemkit: a client without Protocol.Request or Protocol.Reply: want functions that make requests and read replies", func() {
		systemkit.NewClient(&scenarios.Plan{Nodes: 1}, scenarios.ClientID(1), systemkit.Protocol{})
	})
}
