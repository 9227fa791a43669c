package lockstep

import (
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/lockstep-dst/lockstep/sim"
)

// nodeObservers are the clients that watch and list the machines at one node. They
// outlive its lives: they resume when the node restarts. They sit at the node itself,
// so that no fault of the network hides a fault of the node.
type nodeObservers struct {
	id      sim.ID
	watches []*watchClient
	listing listClient
	steps   int // of the node, in all its lives
	nextAt  int // step of the next attempt to begin a watch or a listing
}

// watchClient is a client that watches machines, as node/client does.
type watchClient struct {
	first    watch.Selection
	pace     int // it takes changes at every so many steps of the node; 0: at once
	resumer  *watch.Resumer
	follower *service.Follower

	life     int            // of the node, at which the watch is open
	ticket   service.Ticket // 0: it is not open
	begun    bool           // the node has accepted the watch
	unknown  bool           // the node has refused it, since it does not know the definition
	pulled   bool           // an update is awaited
	pulledAt int            // step of the last pull

	mostChanges int // of one update

	received map[string]uint64 // by key, the version of the last event: for the oracle
}

// listClient is a client that lists machines.
type listClient struct {
	every  int            // it begins a listing at every so many steps of the node; 0: never
	nextAt int            // the step of the next listing
	count  uint64         // listings so far
	ticket service.Ticket // 0: none in progress
	begun  listingBegun
	after  string // the next page
}

// newObservers returns the observers of a node. The first watches everything from the
// first version on, and keeps up.
func newObservers(r *run, id sim.ID) *nodeObservers {
	o := &nodeObservers{id: id}
	o.listing.every = r.plan.Knobs.ListEvery
	o.add(watch.Selection{Resume: true}, 0)
	if pace := r.plan.Knobs.WatchPace; pace > 0 {
		o.add(watch.Selection{}, pace)
		if keys := r.oracle.keys; len(keys) > 0 {
			o.add(watch.Selection{Single: true, Prefix: keys[int(id)%len(keys)]}, pace/2)
		}
	}
	return o
}

func (o *nodeObservers) add(first watch.Selection, pace int) {
	o.watches = append(o.watches, &watchClient{first: first, pace: pace, resumer: watch.NewResumer(), received: map[string]uint64{}})
}

// begin adds the events with which observers begin watches and listings to a step of
// p. A node that has lost promises, or has stopped, is not observed.
func (o *nodeObservers) begin(p *process) {
	if o.steps++; o.steps < o.nextAt || p.stopped || p.run.lostPromises[p.id] || !p.member.LifeDurable() {
		return
	}
	o.nextAt = neverAgain
	for _, w := range o.watches {
		if healed := p.run.oracle.now >= p.run.plan.Heal.At; w.unknown && healed {
			continue // it reads the definition at each step, and the nodes must fall silent
		}
		if w.ticket == 0 || w.life != p.life {
			w.open(p)
		}
	}
	if l := &o.listing; l.every > 0 {
		if o.steps >= l.nextAt {
			l.nextAt = o.steps + l.every
			l.open(p)
		}
		o.nextAt = l.nextAt
	}
}

// neverAgain is a step that no run comes to.
const neverAgain = 1 << 30

// retryDelay is the number of steps until a watch that was refused, or has ended, is
// begun again.
const retryDelay = 16

// beginLife has the observers begin their watches at a new life of the node.
func (o *nodeObservers) beginLife() { o.nextAt = 0 }

// open begins or resumes a watch at a life of the node.
func (w *watchClient) open(p *process) {
	q := &service.Query{Selection: w.resumer.Next(w.first)}
	w.life, w.ticket, w.begun, w.unknown, w.pulled = p.life, p.newTicket(0), false, false, false
	w.follower = service.NewFollower(q, func(e watch.Event) {
		if w.resumer.Pass(&e) {
			p.report.watched = append(p.report.watched, newWatched(w, &e))
		}
	})
	p.events = append(p.events, service.Event{Kind: service.Watch, Ticket: w.ticket, Query: q})
}

// pull adds the pulls of the watches that await no update, and reports whether there
// are any.
func (o *nodeObservers) pull(p *process) bool {
	for _, w := range o.watches {
		switch {
		case w.ticket == 0 || w.life != p.life || !w.begun || w.pulled:
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
		u := &e.Updates[i]
		for _, w := range o.watches {
			if w.ticket == u.Ticket && w.life == p.life {
				if w.take(u); w.ticket == 0 {
					o.nextAt = min(o.nextAt, o.steps+retryDelay)
				}
			}
		}
	}
	for i := range e.Pages {
		if l := &o.listing; l.ticket == e.Pages[i].Ticket {
			l.take(p, &e.Pages[i])
		}
	}
}

func (w *watchClient) take(u *service.Update) {
	switch {
	case u.Refused != nil:
		w.ticket, w.unknown = 0, u.Refused.Reason == node.UnknownDefinition
		return
	case !w.begun:
		w.begun = true
		w.resumer.Accepted()
		return
	}
	w.pulled, w.mostChanges = false, max(w.mostChanges, len(u.Changes))
	w.follower.Take(u)
	if u.End != service.NotEnded {
		w.ticket = 0
	}
}

// open begins a listing, unless one is in progress in this life. Prefix, page and
// consistency are keyed choices. On the healed network all listings are local: the
// reads of others are steps of the nodes, after which new listings would begin, and
// the nodes must fall silent.
func (l *listClient) open(p *process) {
	if l.ticket != 0 && l.begun.life == p.life {
		return
	}
	r, keys := p.run, p.run.oracle.keys
	l.count++
	k := keyed.Seed(r.plan.Seed).Name("listing").Word(uint64(p.id)).Word(l.count)
	q := &service.Query{After: l.after, Limit: 1 + int(k.Name("limit").Below(uint64(len(keys))+1)), Linearizable: k.Name("linearizable").Below(4) == 0 && r.oracle.now < r.plan.Heal.At}
	if len(keys) > 0 {
		key := keys[k.Name("machine").Below(uint64(len(keys)))]
		name, _, _ := fsm.SplitKey(key)
		q.Prefix = []string{"", "", name + "/", key}[k.Name("prefix").Below(4)]
		if d, ok := r.plan.Definition(key); ok && k.Name("state?").Below(4) == 0 {
			q.State = d.States[k.Name("state").Below(uint64(len(d.States)))]
		}
	}
	l.ticket = p.newTicket(0)
	l.begun = r.oracle.forNode(r.oracle.now, p.id).listingBegun(p.life, q)
	p.events = append(p.events, service.Event{Kind: service.List, Ticket: l.ticket, Query: q})
}

func (l *listClient) take(p *process, page *service.Page) {
	l.ticket, l.after = 0, page.Next
	p.report.listed = append(p.report.listed, listed{l.begun, page.Refused, slices.Clone(page.Machines), page.Next})
}
