package lockstep

import (
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/lockstep-dst/lockstep/sim"
)

// watchClient is a client that watches machines, as node/client does.
type watchClient struct {
	first    watch.Selection
	pace     int // it takes changes at every so many steps of the node; 0: at once
	resumer  *watch.Resumer
	follower *service.Follower
	check    streamCheck
	credit   int          // it watches by streams, with credit for so many events; 0: at the service itself
	stream   *watchStream // of credit

	node     sim.ID         // at which the watch is open
	life     int            // of the node
	ticket   service.Ticket // 0: it is not open
	refuse   bool           // the node drained or abstained when it was opened
	ahead    bool           // it resumes from a version that was not chosen when it was opened
	begun    bool           // the node has accepted the watch
	unknown  bool           // the node has refused it, since it does not know the definition
	retryAt  int            // step of the node, of the next attempt after a refusal
	pulled   bool           // an update is awaited
	pulledAt int            // step of the last pull
	updates  int            // since it was opened
	keptUp   bool           // for the oracle: it had received all that its node had shown

	steps    int    // of a client that moves, with its nodes
	heardAt  uint64 // ... step of all nodes, of the last of its node
	left     sim.ID // ... the node that it left last of its own accord
	resumeAt uint64 // ... step of all nodes, of its next watch, after it was refused

	received map[string]uint64 // by key, the version of the last event: for the oracle
}

// refusedPause is the number of steps of all nodes for which a client that moves waits
// after it was refused.
const refusedPause = 50

func newWatchClient(first watch.Selection, pace int) *watchClient {
	return &watchClient{first: first, pace: pace, resumer: watch.NewResumer(), received: map[string]uint64{}}
}

// open begins or resumes a watch at a life of a node.
func (w *watchClient) open(p *process) {
	q := &service.Query{Selection: w.resumer.Next(w.first)}
	w.node, w.life, w.ticket, w.begun, w.unknown, w.pulled, w.updates, w.keptUp = p.id, p.life, p.newTicket(0), false, false, false, 0, false
	w.refuse = p.calls.draining || p.service.Abstains()
	w.ahead = q.Single && q.Resume && q.From > p.run.oracle.machine(q.Prefix).lastVersion()
	w.check = streamCheck{query: q.Selection, last: map[string]uint64{}, behind: map[string]bool{}}
	if w.credit > 0 {
		w.openStream(p, q)
		return
	}
	w.follower = service.NewFollower(q, func(e watch.Event) { w.event(p, e) })
	p.events = append(p.events, service.Event{Kind: service.Watch, Ticket: w.ticket, Query: q})
}

// take handles an answer to the watch or to a pull.
func (w *watchClient) take(p *process, u *service.Update) {
	if u.Refused == nil && w.begun {
		w.checkUpdate(p, u)
		w.pulled = false
		w.updates++
	}
	switch {
	case w.credit > 0:
		w.stream.side.Update(w.stream.id, u, "")
		w.cross(p)
	case u.Refused != nil:
		w.refused(p, u.Refused.Reason)
	case !w.begun:
		w.begins(p)
	default:
		w.follower.Take(u)
		if u.End != service.NotEnded {
			w.ticket = 0
		}
	}
}

// checkUpdate: an update answers a pull and has news, or is an end. Only a watch for which
// the most changes wait is cut off.
func (w *watchClient) checkUpdate(p *process, u *service.Update) {
	n := len(u.Changes)
	switch {
	case !w.pulled && u.End == service.NotEnded:
		p.breach("watch", "unexpected-update", "", "sends its watcher an update that it has not pulled")
	case n+len(u.Begin) == 0 && u.End == service.NotEnded && (w.first.Single || w.updates > 0):
		p.breach("watch", "empty-update", "", "sends its watcher nothing")
	case n > p.limits.Changes:
		p.breach("bounds", "watch-buffer", "", "lets %d changes wait for its watcher, where %d may", n, p.limits.Changes)
	case u.End == service.TooSlow && n < p.limits.Changes:
		p.breach("watch", "cut-off-early", "", "cuts off its watcher with %d changes, where %d may wait", n, p.limits.Changes)
	}
}

// checkRefused: a watch is refused by a node that drains, stops, abstains or has no
// room, or if it resumes from a version that the machine has not had. A node may become
// ready in the step in which it ends the watch's wait for that.
func (w *watchClient) checkRefused(p *process, why node.Reason) {
	switch {
	case why == node.Stopping, why == node.Overloaded, why == node.Abstains && !(p.tookPart && p.member.Ready()):
	case why == node.BadRequest && w.ahead:
	case why == node.UnknownDefinition && p.run.plan.IsCreated(w.first.Prefix):
	default:
		p.breach("watch", "wrongly-refused", "", "refuses a watch with %v", why)
	}
}
