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
	held   []bool   // ... the node has accepted a value: of several nodes, so that it is durable before it is chosen
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
func (o *oracle) listingBegun(life int, q *service.Query, n *node.Node) listingBegun {
	b := listingBegun{life: life, query: *q}
	for _, key := range o.keys {
		t := o.machine(key)
		b.chosen, b.shown = append(b.chosen, t.lastVersion()), append(b.shown, t.shown[o.id])
		b.held = append(b.held, !o.isSoleVoter() && n.Inspect(key).Value != nil)
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
		if m.Unknown && !q.Linearizable {
			continue
		}
		if m.Version == 0 && q.Linearizable {
			return o.violation("listing", "wrong-page", m.Key, "%v, and %s has had no transition", l, m.Key)
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

// checkComplete checks that a page leaves out no machine that its node has shown, nor,
// of a local listing, one of which it has accepted a value. With a state, machines count
// that have had no transition since the listing began.
func (o *oracle) checkComplete(l *listed) *scenarios.Violation {
	q := &l.begun.query
	for i, key := range o.keys {
		inRange := key > q.After && strings.HasPrefix(key, q.Prefix) && (l.next == "" || key <= l.next)
		if !inRange || !o.mustList(l, i) {
			continue
		}
		if !slices.ContainsFunc(l.machines, func(m service.Listed) bool { return m.Key == key }) {
			return o.violation("listing", "incomplete", key, "%v, and it has shown version %d of %s before", l, l.begun.shown[i]-1, key)
		}
	}
	return nil
}

// mustList reports whether a page must show the i-th machine if that is in its range. A
// linearizable one may leave out a machine without transitions.
func (o *oracle) mustList(l *listed, i int) bool {
	q, t := &l.begun.query, o.machine(o.keys[i])
	switch {
	case q.State == "":
		return l.begun.shown[i] >= 2 || l.begun.held[i] && !q.Linearizable
	case l.begun.shown[i] < 2:
		return false
	case q.Linearizable:
		last := len(t.versions) - 1
		return t.versions[last] == l.begun.chosen[i] && t.entries[last].To == q.State
	}
	return t.shown[o.id] == l.begun.shown[i] && t.hasTransition(t.shown[o.id]-1, q.State, "")
}
