package lockstep

import (
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// addOperatorRequest adds a request of an operator to the current step.
func (p *process) addOperatorRequest(m sim.Message) {
	switch r := m.(type) {
	case *scenarios.StopRequest:
		p.addStopRequest(r)
	case *scenarios.ChangeRequest:
		p.addChangeRequest(r)
	}
}

// addStopRequest adds a request to stop to the current step.
func (p *process) addStopRequest(r *scenarios.StopRequest) {
	switch {
	case r.Life != p.life || p.stopped:
	case r.Drain:
		p.calls.draining = true
		p.drainStreams()
		p.events = append(p.events, service.Event{Kind: service.Drain})
	default:
		p.stopRequested = true
	}
}

// stop ends the service as the server's loop does: clients get their outcomes, and the
// node has its log mark its end.
func (p *process) stop(now scenarios.Duration, out *sim.Effects) {
	p.stopped, p.marking = true, true
	effects := p.service.Stop()
	p.apply(effects, now, out)
	p.endStreams(out)
	p.checkCalls(effects, time.Duration(now), true)
	if p.node.Ready() {
		p.stepMarking(now, node.Event{Kind: node.SyncMark}, out)
	}
	p.endMarking(out)
}

// mark hands the completions of the disk to the node until its log is marked. All other
// events come too late.
func (p *process) mark(now scenarios.Duration, evs []sim.Event, out *sim.Effects) {
	p.run.oracle.nodes[p.id].owed = owedRound{} // its rounds send nothing any more
	for i := range evs {
		if p.marking && evs[i].Kind == sim.DiskDone {
			var ev node.Event
			p.toMemberEvent(now, &evs[i], &ev)
			p.stepMarking(now, ev, out)
		}
	}
	p.endMarking(out)
}

// stepMarking has the node take an event, and carries out the effects on the disk.
func (p *process) stepMarking(now scenarios.Duration, ev node.Event, out *sim.Effects) {
	effects, err := p.node.Step(time.Duration(now), ev)
	for i := range effects.Disk {
		out.Disk(diskRequest(&effects.Disk[i]))
	}
	if err != nil {
		p.marking = false
		out.Observe(&scenarios.Stopped{Err: err})
	}
}

// endMarking reports that the process may end, once the log is marked.
func (p *process) endMarking(out *sim.Effects) {
	if p.marking && (!p.node.Ready() || p.node.IsMarkSynced()) {
		p.marking = false
		out.Observe(&scenarios.StoppedCleanly{Life: p.life})
	}
}
