package lockstep

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/lockstep-dst/lockstep/sim"
)

// nodeObservers are the clients that watch and list the machines at one node. They
// outlive its lives: they resume when the node restarts. They sit at the node itself,
// so that no fault of the network hides a fault of the node.
type nodeObservers struct {
	id      sim.ID
	watches []*watchClient // that stay at the node
	here    []*watchClient // at the node in the current step
	visited []*watchClient // room for here, if clients move
	gone    []goneWatch    // whose clients have moved to another node
	listing listClient
	steps   int // of the node, in all its lives
	life    int // of the node, as of the last step
}

// goneWatch is a watch whose client has gone, which its node does not know yet.
type goneWatch struct {
	life   int
	ticket service.Ticket
}

// newObservers returns the observers of a node. The first watches everything from the
// first version on, and keeps up.
func newObservers(r *run, id sim.ID) *nodeObservers {
	o := &nodeObservers{id: id}
	o.listing.every = r.plan.Knobs.ListEvery
	o.watches = append(o.watches, newWatchClient(watch.Selection{Resume: true}, 0))
	if pace := r.plan.Knobs.WatchPace; pace > 0 {
		o.watches = append(o.watches, newWatchClient(watch.Selection{}, pace))
		if r.plan.Knobs.StreamPercent > 0 {
			byStream := newWatchClient(watch.Selection{Resume: true}, pace)
			byStream.credit = 1 + pace%4
			o.watches = append(o.watches, byStream)
		}
		if keys := r.oracle.keys; len(keys) > 0 {
			o.watches = append(o.watches, newWatchClient(watch.Selection{Single: true, Prefix: keys[int(id)%len(keys)]}, pace/2))
		}
	}
	return o
}

// newMovers returns the clients that watch one node at a time: all machines from the
// present on, one machine, the same from a later version on, and those with a prefix.
func newMovers(r *run) (movers []*watchClient) {
	keys := r.oracle.keys
	if r.plan.Knobs.WatchMoves == 0 || len(keys) == 0 {
		return nil
	}
	key := keys[len(keys)-1]
	for _, first := range []watch.Selection{
		{}, {Single: true, Prefix: key}, {Single: true, Prefix: key, Resume: true, From: 2}, {Prefix: key[:len(key)-1], Resume: true},
	} {
		movers = append(movers, newWatchClient(first, 0))
	}
	return movers
}

// begin adds the events with which observers begin and end watches and listings to a
// step of p. A node that has stopped is not observed.
func (o *nodeObservers) begin(p *process) {
	o.steps++
	p.run.steps++
	if o.here = o.watches; len(p.run.movers) > 0 {
		o.here = append(o.visited[:0], o.watches...)
	}
	if o.life != p.life {
		o.life = p.life
		for _, w := range slices.Concat(o.watches, p.run.movers) {
			if w.node == p.id { // it has ended with the life
				w.ticket, w.pulled = 0, false
			}
		}
	}
	if p.stopped || !p.member.LifeDurable() {
		return
	}
	for _, g := range o.gone {
		if g.life == p.life {
			p.events = append(p.events, service.Event{Kind: service.Abandon, Ticket: g.ticket})
		}
	}
	o.gone = o.gone[:0]
	healed := p.run.oracle.now >= p.run.plan.Heal.At
	for _, w := range o.watches {
		if w.ticket != 0 || o.steps < w.retryAt || w.unknown && healed { // it reads the definition at each step, and the nodes must fall silent
			continue
		}
		w.open(p)
	}
	if len(p.run.movers) > 0 && !p.run.lostPromises[p.id] {
		o.beginMovers(p, healed)
	}
	if l := &o.listing; l.every > 0 && o.steps >= l.nextAt {
		l.nextAt = o.steps + l.every
		l.open(p)
	}
}

// retryDelay is the number of steps of a node until a watch that it has refused is begun
// again.
const retryDelay = 16

// maxSilence is the number of steps of all nodes after which a client that watches takes
// its node, which made none, to be down.
const maxSilence = 300

// beginMovers handles the clients that move: those at the node stay or leave it, and
// those at none, or at a node that is silent, may come. On the healed network they stay,
// and a watch of one machine is not begun: it has nodes read, and they must fall silent.
func (o *nodeObservers) beginMovers(p *process, healed bool) {
	for _, w := range p.run.movers {
		switch at := w.node; {
		case w.ticket == 0:
			if (w.left != p.id || p.run.plan.Nodes == 1) && p.run.steps >= w.resumeAt && !(healed && w.first.Single) {
				w.open(p)
			}
		case healed:
		case at == p.id:
			if w.steps++; w.steps%p.run.plan.Knobs.WatchMoves == 0 {
				p.events = append(p.events, service.Event{Kind: service.Abandon, Ticket: w.ticket})
				w.ticket, w.left = 0, p.id
			}
		case p.run.steps-w.heardAt > maxSilence:
			other := p.run.observers[at]
			other.gone = append(other.gone, goneWatch{w.life, w.ticket})
			w.open(p)
		}
		if w.ticket != 0 && w.node == p.id {
			w.heardAt = p.run.steps
			o.here = append(o.here, w)
		}
	}
	o.visited = o.here
}

// pull adds the pulls of the watches that await no update, and reports whether there
// are any.
func (o *nodeObservers) pull(p *process) bool {
	for _, w := range o.here {
		switch {
		case w.ticket == 0 || !w.begun || w.pulled:
		case w.credit > 0:
			if o.steps%w.pace == 0 {
				w.grant(p)
			}
		case w.pace > 0 && (o.steps%w.pace != 0 || w.pulledAt == o.steps):
		default:
			w.pulled, w.pulledAt = true, o.steps
			p.events = append(p.events, service.Event{Kind: service.Pull, Ticket: w.ticket})
		}
	}
	return len(p.events) > 0
}

// take handles the responses to the observers.
func (o *nodeObservers) take(p *process, e *service.Effects) {
	for i := range e.Updates {
		if w := o.watchOf(p, e.Updates[i].Ticket); w != nil {
			w.take(p, &e.Updates[i])
		} else {
			p.breach("watch", "unexpected-update", "", "sends an update to no client that watches")
		}
	}
	for i := range e.Pages {
		if l := &o.listing; l.isOpen(p) && l.ticket == e.Pages[i].Ticket {
			l.take(p, &e.Pages[i])
		} else {
			p.breach("listing", "unexpected-page", "", "sends a page to no client that lists")
		}
	}
}

// watchOf returns the client with a ticket, or nil.
func (o *nodeObservers) watchOf(p *process, t service.Ticket) *watchClient {
	for _, w := range o.here {
		if w.ticket == t {
			return w
		}
	}
	return nil
}

// checkOpen: after a step no client waits that should have heard of an end, and the
// service counts the watches that there are.
func (o *nodeObservers) checkOpen(p *process, ended bool) {
	open := 0
	for _, w := range o.here {
		if w.ticket == 0 {
			continue
		}
		open++
		switch {
		case ended:
			p.breach("watch", "open-after-stop", "", "has stopped, and its client watches on")
		case w.begun && p.service.Abstains():
			p.breach("watch", "open-while-abstaining", "", "abstains, and its client watches on")
		}
	}
	if counted := p.service.Counters().Watchers; !ended && !p.stopped && (counted > p.limits.Watchers || counted != open) {
		p.breach("bounds", "watchers", "", "counts %d watches of %d, where %d are allowed", counted, open, p.limits.Watchers)
	}
	if l := &o.listing; ended && l.isOpen(p) {
		p.breach("listing", "open-after-stop", "", "has stopped without a page for its client")
		l.ticket = 0
	}
}
