package lockstep

import (
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/service"
)

// listClient is a client that lists machines.
type listClient struct {
	every   int            // it begins a listing at every so many steps of the node; 0: never
	nextAt  int            // the step of the next listing
	count   uint64         // listings so far
	ticket  service.Ticket // 0: none in progress
	begun   listingBegun
	begunAt int    // the step in which it began
	after   string // the next page
	refuse  bool   // the node drained or abstained when it began
}

// open begins a listing, unless one is in progress in this life, which it may abandon. Prefix, page and
// consistency are keyed choices. On the healed network all listings are local: the
// reads of others are steps of the nodes, after which new listings would begin, and
// the nodes must fall silent.
func (l *listClient) open(p *process) {
	if l.isOpen(p) {
		l.abandon(p)
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
	l.ticket, l.refuse = p.newTicket(0), p.calls.draining || p.service.Abstains()
	l.begunAt = p.observers.steps
	l.begun = r.oracle.forNode(r.oracle.now, p.id).listingBegun(p.life, q, p.node)
	p.events = append(p.events, service.Event{Kind: service.List, Ticket: l.ticket, Query: q})
}

// longestListing is the number of steps in which a node answers a local listing at most: it scans
// a piece of its index in each.
const longestListing = 64

// isOpen reports whether the listing has begun in this life of the node, and has no answer.
func (l *listClient) isOpen(p *process) bool { return l.ticket != 0 && l.begun.life == p.life }

// goesOn reports whether the node works at the listing: the next step is due at once. At the end
// of a run one may, since nodes that look for a lost one go on taking steps.
func (l *listClient) goesOn(p *process) bool {
	return l.isOpen(p) && p.wake != 0 && p.wake <= p.now && p.observers.steps-l.begunAt < longestListing
}

// abandon ends a listing that takes long, by a keyed choice.
func (l *listClient) abandon(p *process) {
	if keyed.Seed(p.run.plan.Seed).Name("abandon").Word(uint64(p.id)).Word(l.count).Below(2) == 0 {
		p.events = append(p.events, service.Event{Kind: service.Abandon, Ticket: l.ticket})
		l.ticket = 0
	}
}

// take handles the result of the listing. A node that drains, stops or abstains refuses
// it; otherwise only a read may fail.
func (l *listClient) take(p *process, page *service.Page) {
	l.ticket, l.after = 0, page.Next
	switch refused := page.Refused != nil; {
	case l.refuse && !refused:
		p.breach("listing", "not-refused", "", "lists machines, though it drains or abstains")
	case refused && !l.refuse && !l.begun.query.Linearizable && page.Err == nil && !p.service.Abstains():
		p.breach("listing", "wrongly-refused", "", "refuses a listing with %v", page.Refused)
	}
	p.report.listed = append(p.report.listed, listed{l.begun, page.Refused, slices.Clone(page.Machines), page.Next})
}
