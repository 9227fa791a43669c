package service

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node"
)

// Bounds of the work on one listing.
const (
	maxPieces  = 64 // pieces of the index scanned
	maxReaders = 32 // concurrent reads
)

// listing is a listing in progress. First it scans the index, a piece in each step, so
// that the node does other work between them; a linearizable one then reads the
// machines that it has found.
type listing struct {
	ticket Ticket
	query  Query
	after  string // the key scanned last
	pieces int    // scanned
	full   bool   // the scan has ended
	page   Page

	values  []*node.Value // of a query of keys, by index of the page's machines; nil: no entry
	replies []*node.Reply // by index of the page's machines; nil: none yet
	next    int           // index of the next machine to read
	again   []int         // ... of machines to read once more
	rereads int           // reads of machines that were read before
	reading int           // reads without a reply
	over    bool
}

// list begins a listing.
func (s *Service) list(t Ticket, q *Query) {
	switch {
	case s.draining:
		s.out.Pages = append(s.out.Pages, Page{Ticket: t, Refused: Unserved(nil, ErrStopping), Err: ErrStopping})
	case s.abstains:
		s.out.Pages = append(s.out.Pages, Page{Ticket: t, Refused: (&node.Request{}).NotCarriedOut(node.Abstains)})
	default:
		l := &listing{ticket: t, query: *q, after: q.After, page: Page{Ticket: t, Machines: []Listed{}}}
		s.listings = append(s.listings, l)
		if q.Keys != nil {
			s.readValues(l)
		}
	}
}

// continueListings scans a piece of each listing.
func (s *Service) continueListings() {
	if len(s.listings) == 0 {
		return
	}
	for _, l := range slices.Clone(s.listings) {
		if !l.full {
			s.scan(l)
		}
	}
}

// listingsCanContinue reports whether a listing has more to scan.
func (s *Service) listingsCanContinue() bool {
	return slices.ContainsFunc(s.listings, func(l *listing) bool { return !l.full })
}

// scan adds a piece of the index to a listing.
func (s *Service) scan(l *listing) {
	piece, more := s.index.page(l.query.Prefix, l.after, s.cfg.Page)
	state := l.query.State
	if l.query.Linearizable {
		state = "" // the reads find the state
	}
	for _, key := range piece {
		if len(l.page.Machines) == l.query.Limit {
			l.page.Next = l.after
			s.endScan(l)
			return
		}
		l.after = key
		if m := s.toListed(key); state == "" || m.State == state {
			l.page.Machines = append(l.page.Machines, m)
		}
	}
	switch l.pieces++; {
	case !more:
		s.endScan(l)
	case l.pieces == maxPieces:
		l.page.Next = l.after
		s.endScan(l)
	}
}

func (s *Service) toListed(key string) Listed {
	state, version, ok := s.node.Learnt(key)
	return Listed{Key: key, State: state, Version: version, Unknown: !ok}
}

// endScan answers a local listing, and begins the reads of a linearizable one.
func (s *Service) endScan(l *listing) {
	l.full = true
	if !l.query.Linearizable {
		s.endListing(l, nil, nil)
		return
	}
	l.replies = make([]*node.Reply, len(l.page.Machines))
	s.readMore(l)
}

// readMore begins reads of a listing, as many as there may be, and answers the
// listing after the last.
func (s *Service) readMore(l *listing) {
	for !l.over && l.reading < maxReaders && l.unread() > 0 {
		i := l.takeUnread()
		l.reading++
		s.call(&request{
			req: s.read(l.page.Machines[i].Key),
			onReply: func(r *node.Reply) {
				l.reading--
				if r.Outcome != node.Committed {
					s.endListing(l, r, nil)
					return
				}
				l.replies[i] = r
				if l.values != nil {
					s.keepValue(l, i)
				}
				s.readMore(l)
			},
			onError: func(err error) { s.endListing(l, Unserved(nil, err), err) },
		})
	}
	if !l.over && l.reading == 0 && l.unread() == 0 {
		l.keepRead()
		s.endListing(l, nil, nil)
	}
}

// unread is the number of machines that no read has begun of.
func (l *listing) unread() int { return len(l.replies) - l.next + len(l.again) }

// takeUnread returns the index of one of them.
func (l *listing) takeUnread() (i int) {
	if last := len(l.again) - 1; last >= 0 {
		i, l.again = l.again[last], l.again[:last]
		return i
	}
	l.next++
	return l.next - 1
}

// keepRead keeps the machines that exist, with the requested state, as they were read.
func (l *listing) keepRead() {
	if l.values != nil {
		l.keepValues()
		return
	}
	kept := l.page.Machines[:0]
	for i, m := range l.page.Machines {
		if r := l.replies[i]; r.Version > 0 && (l.query.State == "" || r.State == l.query.State) {
			kept = append(kept, Listed{Key: m.Key, State: r.State, Version: r.Version})
		}
	}
	l.page.Machines = kept
}

// endListing answers a listing, once: with its page, or with the reply that refuses it.
func (s *Service) endListing(l *listing, refused *node.Reply, err error) {
	if l.over {
		return
	}
	s.removeListing(l)
	if refused != nil {
		s.out.Pages = append(s.out.Pages, Page{Ticket: l.ticket, Refused: refused, Err: err})
		return
	}
	s.out.Pages = append(s.out.Pages, l.page)
}

func (s *Service) removeListing(l *listing) {
	l.over = true
	s.listings = slices.DeleteFunc(s.listings, func(other *listing) bool { return other == l })
}

// failListings gives every listing its outcome when the node stops.
func (s *Service) failListings() {
	for _, l := range slices.Clone(s.listings) {
		s.endListing(l, Unserved(nil, ErrStopping), s.stoppingError())
	}
}

// abandonListing forgets the listing of a client that has gone.
func (s *Service) abandonListing(t Ticket) {
	for _, l := range s.listings {
		if l.ticket == t {
			s.removeListing(l)
			return
		}
	}
}
