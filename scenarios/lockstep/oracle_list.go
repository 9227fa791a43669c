package lockstep

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// listingBegun is the ground truth at the beginning of a listing.
type listingBegun struct {
	life   int
	query  service.Query
	chosen []uint64 // by index of the oracle's keys: the version chosen by then
	shown  []uint64 // ... 1 + the version that the node has shown in this life; 0: none
}

// listed is the observation that a listing has ended.
type listed struct {
	begun    listingBegun
	refused  *node.Reply
	machines []service.Listed
	next     string
}

// Digest implements sim.Observation.
func (l *listed) Digest() uint64 {
	h := uint64(len(l.machines))
	for _, m := range l.machines {
		h = keyed.Mix(h, keyed.String(m.Key)^m.Version)
	}
	return keyed.Mix(h, keyed.String(l.next))
}

func (l *listed) String() string {
	if l.refused != nil {
		return fmt.Sprintf("rejects a listing: %v", l.refused)
	}
	q := &l.begun.query
	return fmt.Sprintf("lists %v for prefix %q, after %q, state %q, limit %d, linearizable %v", l.machines, q.Prefix, q.After, q.State, q.Limit, q.Linearizable)
}

// listingBegun returns the truth as it is now, for a listing at the current node.
func (o *oracle) listingBegun(life int, q *service.Query) listingBegun {
	b := listingBegun{life: life, query: *q}
	for _, key := range o.keys {
		t := o.machine(key)
		version := uint64(0)
		if n := len(t.versions); n > 0 {
			version = t.versions[n-1]
		}
		b.chosen, b.shown = append(b.chosen, version), append(b.shown, t.shown[o.id])
	}
	return b
}

// checkListed: a page is in order and within its query. It shows every machine of its
// range of which the node has shown a value before, at a version that was chosen and is
// not older than that value; if it is linearizable, not older than the version that
// was chosen when the listing began.
func (o *oracle) checkListed(l *listed) *scenarios.Violation {
	q := &l.begun.query
	if l.refused != nil {
		return nil
	}
	last := q.After
	for _, m := range l.machines {
		if m.Key <= last || !strings.HasPrefix(m.Key, q.Prefix) || q.State != "" && m.State != q.State || len(l.machines) > q.Limit {
			return o.violation("listing", "wrong-page", m.Key, "%v, with %s after %q", l, m.Key, last)
		}
		last = m.Key
		if m.Unknown {
			continue
		}
		if m.Version > 0 && !o.machine(m.Key).hasTransition(m.Version, m.State, "") {
			return o.violation("listing", "unchosen", m.Key, "%v, and no chosen value shows %v", l, m)
		}
		i := slices.Index(o.keys, m.Key)
		switch {
		case i < 0:
		case m.Version+1 < l.begun.shown[i]:
			return o.violation("listing", "older-than-shown", m.Key, "%v, and it has shown version %d of %s before", l, l.begun.shown[i]-1, m.Key)
		case q.Linearizable && m.Version < l.begun.chosen[i]:
			return o.violation("listing", "stale", m.Key, "%v, and version %d of %s was chosen before it began", l, l.begun.chosen[i], m.Key)
		}
	}
	return o.checkComplete(l)
}

// checkComplete checks that a page leaves out no machine that its node has shown.
func (o *oracle) checkComplete(l *listed) *scenarios.Violation {
	q := &l.begun.query
	if q.State != "" {
		return nil
	}
	for i, key := range o.keys {
		inRange := key > q.After && strings.HasPrefix(key, q.Prefix) && (l.next == "" || key <= l.next)
		if !inRange || l.begun.shown[i] < 2 { // a machine without transitions may be left out
			continue
		}
		if !slices.ContainsFunc(l.machines, func(m service.Listed) bool { return m.Key == key }) {
			return o.violation("listing", "incomplete", key, "%v, and it has shown version %d of %s before", l, l.begun.shown[i]-1, key)
		}
	}
	return nil
}
