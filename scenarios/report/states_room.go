package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/sim"
)

// roomFactor is how much more room the changes of states have while a run is recorded than in
// the document: which of them matter is known only at the end.
const roomFactor = 20

// fitStates leaves out states that there is no room for, and tells which. The ones that stay are
// nearest to the first wrong step and the events that the verdict names.
func (r *Run) fitStates(room int) (cuts []string) {
	s := r.States
	if s == nil {
		return nil
	}
	ended := s.Until != nil
	if sizeOfChanges(s.Changes) <= room {
		return r.statesLeftOut(ended)
	}
	for _, around := range r.eventsThatMatter() {
		radius, fits := widest(len(r.Events), func(radius int) bool {
			return sizeOfChanges(s.near(around, radius, len(r.Events)).Changes) <= room
		})
		if fits || len(around) == 1 {
			r.States = s.near(around, radius, len(r.Events))
			return r.statesLeftOut(ended && *r.States.Until == *s.Until)
		}
	}
	return nil
}

// eventsThatMatter lists events around which states should be known: all that the verdict is
// about, and fewer ones in case there is no room.
func (r *Run) eventsThatMatter() [][]int {
	v := r.Violation
	if v == nil {
		return [][]int{{len(r.Events) - 1}}
	}
	wrong := []int{v.Event}
	if v.Wrong != nil {
		wrong = append(wrong, *v.Wrong)
	}
	named := append(slices.Clone(wrong), v.Events...)
	all := slices.Clone(named)
	for _, c := range v.Causes {
		if c.Event != nil {
			all = append(all, *c.Event)
		}
	}
	return [][]int{all, named, wrong, {v.Event}}
}

// widest is the largest number from 0 up to a limit that fits, and whether one does.
func widest(limit int, fits func(int) bool) (n int, found bool) {
	if !fits(0) {
		return 0, false
	}
	low, high := 0, limit
	for low < high {
		if middle := (low + high + 1) / 2; fits(middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low, true
}

// near is these states up to a distance from some events. The changes in a gap between them are
// told as one change of each node in the last event of the gap; those before them are its state
// at the beginning, and later ones are left out.
func (s *States) near(around []int, radius, events int) *States {
	kept := spansAround(around, radius, events)
	near := &States{Source: s.Source, From: s.From, Until: s.Until}
	if last := kept[len(kept)-1].Last; last < events-1 && (s.Until == nil || last < *s.Until) {
		near.Until = new(last)
	}
	sums, at := map[sim.ID]*Change{}, 0 // at: the span that comes next, or has begun
	flush := func() {
		for _, lane := range slices.Sorted(maps.Keys(sums)) {
			near.Changes = append(near.Changes, *sums[lane])
		}
		clear(sums)
	}
	for _, c := range s.Changes {
		for at < len(kept) && c.Event > kept[at].Last {
			flush()
			at++
		}
		if at == len(kept) {
			break
		}
		first := kept[at].First
		if c.Event >= first {
			flush()
			near.Changes = append(near.Changes, c)
			continue
		}
		if len(sums) == 0 {
			near.leaveOut(kept, at)
		}
		addTo(sums, &c, first-1)
	}
	flush()
	return near
}

// leaveOut notes the gap before a span: at the beginning states are known from its end on.
func (s *States) leaveOut(kept []EventSpan, at int) {
	last := kept[at].First - 1
	if at == 0 {
		s.From = new(last)
		return
	}
	s.Gaps = append(s.Gaps, EventSpan{kept[at-1].Last + 1, last})
}

// spansAround are the events up to a distance from some, as spans in order.
func spansAround(around []int, radius, events int) (spans []EventSpan) {
	for _, e := range slices.Sorted(slices.Values(around)) {
		next := EventSpan{max(0, e-radius), min(events-1, e+radius)}
		if n := len(spans); n > 0 && next.First <= spans[n-1].Last+1 {
			spans[n-1].Last = next.Last
		} else {
			spans = append(spans, next)
		}
	}
	return spans
}

// addTo adds a change to the sum of its node's, which is told at an event.
func addTo(sums map[sim.ID]*Change, c *Change, event int) {
	sum := sums[c.Lane]
	if sum == nil {
		sum = &Change{Event: event, Lane: c.Lane, Set: valueMap{}}
		sums[c.Lane] = sum
	}
	sum.Up = cmp.Or(c.Up, sum.Up)
	maps.Copy(sum.Set, c.Set)
	sum.Unset = slices.DeleteFunc(sum.Unset, func(path string) bool { _, set := c.Set[path]; return set })
	for _, path := range c.Unset {
		delete(sum.Set, path)
		if !slices.Contains(sum.Unset, path) {
			sum.Unset = append(sum.Unset, path)
		}
	}
}

func sizeOfChanges(changes []Change) (n int) {
	for i := range changes {
		n += changes[i].size()
	}
	return n
}

// statesLeftOut tells which states there is no room for. Why they may end before the run is told
// where they are recorded.
func (r *Run) statesLeftOut(ended bool) []string {
	s, number := r.States, func(event int) uint64 { return r.Events[event].N }
	var parts []string
	if s.From != nil {
		parts = append(parts, fmt.Sprintf("before event %d", number(*s.From)))
	}
	for _, g := range s.Gaps {
		parts = append(parts, fmt.Sprintf("from event %d to %d", number(g.First), number(g.Last)))
	}
	if s.Until != nil && !ended {
		parts = append(parts, fmt.Sprintf("after event %d", number(*s.Until)))
	}
	if len(parts) == 0 {
		return nil
	}
	return []string{"The states of nodes are left out " + strings.Join(parts, ", and ") + ": there is no room for more"}
}
