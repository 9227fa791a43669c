package report_test

import (
	"cmp"
	"encoding/json"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/systemkit"
	"github.com/lockstep-dst/lockstep/scenarios/workload"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
)

// forgetful is a register on node 1 with a bug of disks: it replies to a write
// before its log is synced, so that a power loss takes back what a client was told.
func forgetful() scenarios.System {
	return scenarios.System{
		Name: "forgetful", About: "a register that replies before it syncs", Workload: workload.Register(),
		Adjust: func(_ scenarios.Choices, p *scenarios.Plan) { p.Knobs.ClientTimeout *= 10 },
		New:    func(p *scenarios.Plan) scenarios.Run { return forgetfulRun{plan: p} },
	}
}

type forgetfulRun struct {
	systemkit.Observer
	plan *scenarios.Plan
}

func (r forgetfulRun) Node(id sim.ID, _ int) sim.Process {
	return &forgetfulNode{ID: id, Values: map[string]string{}}
}

func (r forgetfulRun) Client(id sim.ID) sim.Process {
	return systemkit.NewClient(r.plan, id, systemkit.Protocol{
		Request: func(inv *scenarios.Invocation, _ int) any { return ask{inv.Key, inv.ID, inv.Kind, inv.Argument} },
		Reply: func(inv *scenarios.Invocation, _ sim.ID, body any, to *scenarios.Response) kit.Reply {
			m, ok := body.(told)
			if !ok || m.ID != inv.ID {
				return kit.Reply{}
			}
			to.State = cmp.Or(m.Value, history.NoValue)
			return kit.Reply{Answer: m.Answer, Try: 1}
		},
	})
}

type (
	ask struct { // client to node
		Key   string `fate:"key"`
		ID    string `fate:"op"`
		Kind  scenarios.Kind
		Value string
	}
	told struct { // node to client
		ask
		Answer kit.Answer
	}
)

type forgetfulNode struct {
	ID     sim.ID
	Values map[string]string
	log    *kit.Log
}

func (n *forgetfulNode) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	var err error
	if ev.Kind == sim.Boot {
		n.log, err = kit.OpenLog("values", ev.Disk, out, n.recover)
	} else {
		_, err = n.log.Step(now, ev, out)
	}
	if err != nil {
		out.Observe(&scenarios.Stopped{Err: err, RefusedToStart: ev.Kind == sim.Boot})
	}
	if m, ok := kit.Body(ev.Message).(ask); ok && ev.Kind == sim.Receive && n.log.Ready() {
		out.Send(ev.From, kit.Message(n.answer(m, out)))
	}
}

func (n *forgetfulNode) recover(_ sim.Duration, _ *sim.Effects, records [][]byte) {
	for _, r := range records {
		var m ask
		_ = json.Unmarshal(r, &m)
		n.Values[m.Key] = m.Value
	}
}

func (n *forgetfulNode) answer(m ask, out *sim.Effects) told {
	switch {
	case n.ID != 1:
		return told{m, kit.Retry}
	case m.Kind == scenarios.Read:
		m.Value = n.Values[m.Key]
	default:
		record, _ := json.Marshal(m)
		n.log.Append(out, record, nil) // the bug: the reply does not wait for it
		n.Values[m.Key] = m.Value
	}
	return told{m, kit.Done}
}
