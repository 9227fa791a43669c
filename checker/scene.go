package checker

import (
	"cmp"
	"html"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// scene is the last operations until some event, and what the machine may have
// been in when they begin.
type scene struct {
	*automaton
	claims     []claim // in order of call
	begin, end int64   // of the page
	start      linearizer
	initial    []view
	cut        bool                // there may have been more to begin with than is shown
	slots      map[*claim][2]int32 // of what was in flight when it begins: its slot, and its spent, see linearizer.step
}

// Bounds on what a page shows.
const (
	pageOperations = 60 // that were called or returned while it lasts
	pageUnknown    = 16 // unknown ones, called before, that may take effect in it
	pageInitial    = 64 // configurations in which it may begin
)

// view is one state that the search of a page goes through.
type view struct {
	register
	row int32 // the configuration in which it began
}

// newScene shows so many operations, and unknown ones.
func newScene(m machine, v *conviction, claims []claim, most int) *scene {
	s := &scene{automaton: m.automaton, slots: map[*claim][2]int32{}}
	from, seen := v.window(most), v.views()
	if s.follow(v, from, seen); s.start.configurations.len() == 0 { // too few were kept
		from = 0
		s.start.copy(v.base)
	}
	s.cut = s.start.narrowed || s.start.stopped
	s.begin, s.end = v.log[from].time(), v.log[v.at].time()
	spares, counts := s.spares(v, claims, from)
	shown := slices.Concat(spares, s.inFlight())
	for _, e := range v.log[from : v.at+1] {
		if !e.ret {
			shown = append(shown, seen(e.c))
		}
	}
	s.take(shown)
	s.configure(spares, counts)
	return s
}

// follow finds out what is possible before an event of the log.
func (s *scene) follow(v *conviction, from int, seen func(*claim) *claim) {
	s.start.copy(v.base)
	for _, e := range v.log[:from] {
		if !e.ret {
			s.start.call(seen(e.c))
		} else {
			s.start.ret(seen(e.c))
		}
	}
}

// window is where in the log the page begins.
func (v *conviction) window(most int) int {
	from, shown := v.at, 1
	for from > 0 {
		e := v.log[from-1]
		end, ends := v.ended[e.c]
		if e.ret || !ends || end > v.at {
			shown++
		}
		if shown > most {
			break
		}
		from--
	}
	return from
}

// views is what claims mean until the culprit has returned: what returns later
// may do anything.
func (v *conviction) views() func(c *claim) *claim {
	views := map[*claim]*claim{}
	return func(c *claim) *claim {
		if end, ends := v.ended[c]; ends && end <= v.at || c.ret == forever {
			return c
		}
		if views[c] == nil {
			open := c.open()
			views[c] = &open
		}
		return views[c]
	}
}

// time is when an event is.
func (e event) time() int64 {
	if e.ret {
		return e.c.ret
	}
	return e.c.call
}

// inFlight is the claims that are when the page begins.
func (s *scene) inFlight() []*claim {
	var claims []*claim
	for i, c := range s.start.slots {
		if c == nil || slices.Contains(claims, c) {
			continue
		}
		slots := [2]int32{int32(i), int32(i)}
		for _, step := range s.start.steps {
			if step.c == c {
				slots = [2]int32{step.slot, step.spent}
			}
		}
		s.slots[c] = slots
		claims = append(claims, c)
	}
	return claims
}

// spares is the unknown steps that were called before the page begins and may
// take effect in it: of each kind the last called, as they are alike, and as
// many as have not taken effect in the configuration with the fewest that have.
// counts is how many of each kind there are.
func (s *scene) spares(v *conviction, claims []claim, from int) (spares []*claim, counts []int) {
	t := &s.start.configurations
	counts, left := make([]int, len(s.start.kinds)), make([]int, len(s.start.kinds))
	room := pageUnknown
	for k := range s.start.kinds {
		for i := range t.len() {
			left[k] = max(left[k], s.left(i, k))
		}
		share := min(room, max(1, pageUnknown/len(s.start.kinds)))
		s.cut = s.cut || left[k] > share
		left[k] = min(left[k], share)
		room -= left[k]
	}
	for i := len(claims) - 1; i >= 0 && !slices.Equal(left, counts); i-- {
		c := &claims[i]
		end, ends := v.ended[c]
		called, logged := v.called[c]
		open := c.verb == may || logged && !(ends && end <= v.at)
		if !open || c.call > v.log[v.at].time() || logged && called >= from {
			continue
		}
		o := c.open()
		k := slices.IndexFunc(s.start.kinds, func(k kind) bool { return k.claim.to == o.to && k.claim.from == o.from })
		if o.verb == may && k >= 0 && counts[k] < left[k] {
			spares = append(spares, &o)
			counts[k]++
		}
	}
	return spares, counts
}

// left is how many unknown steps of a kind have not taken effect in a
// configuration.
func (s *scene) left(row, kind int) int {
	t := &s.start.configurations
	return int(s.start.kinds[kind].called - t.row(row)[rowBits+t.sets+kind])
}

// take makes the page's claims of those that it shows.
func (s *scene) take(shown []*claim) {
	slices.SortStableFunc(shown, func(x, y *claim) int { return cmp.Compare(x.call, y.call) })
	s.claims = make([]claim, len(shown))
	for i, c := range shown {
		s.claims[i] = *c
		if slots, ok := s.slots[c]; ok {
			s.slots[&s.claims[i]] = slots
		}
	}
	s.pairTwins(s.claims)
}

// configure makes the states in which the page may begin. Where fewer unknown
// steps are left than the page shows, the first called of them have been taken.
func (s *scene) configure(spares []*claim, counts []int) {
	t := &s.start.configurations
	s.cut = s.cut || t.len() > pageInitial
	for row := range min(t.len(), pageInitial) {
		v := view{row: int32(row)}
		v.state, v.version = int32(t.row(row)[rowState]), int64(t.row(row)[rowVersion])
		for k, shown := range counts {
			like := &s.start.kinds[k].claim
			for i := range s.claims {
				c := &s.claims[i]
				if shown <= s.left(row, k) {
					break
				}
				if c.verb == may && c.to == like.to && c.from == like.from {
					v.taken |= c.bit
					shown--
				}
			}
		}
		s.initial = append(s.initial, v)
	}
}

// step is what v may become if c happens next.
func (s *scene) step(v view, c *claim) (next []view) {
	if v.state == closed {
		return []view{v}
	}
	again := c.verb != may || v.taken&c.bit == 0
	if slots, inFlight := s.slots[c]; inFlight {
		row := s.start.configurations.row(int(v.row))
		if has(row, slots[0]) { // it has taken effect before; but see absorb
			next = append(next, v)
			again = slots[0] != slots[1] && !has(row, slots[1])
		}
	}
	if !again {
		return next
	}
	if r, fits := s.automaton.step(v.register, c); fits {
		next = append(next, view{r, v.row})
	}
	return next
}

// model is the specification in Porcupine's terms, of sets of views. Once stop
// reports true, nothing fits any more.
func (s *scene) model(stop func() bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return s.initial },
		Step: func(state, input, _ any) (bool, any) {
			var all []view
			for _, v := range state.([]view) {
				if stop() {
					return false, state
				}
				for _, next := range s.step(v, input.(*claim)) {
					if !slices.Contains(all, next) {
						all = append(all, next)
					}
				}
			}
			return len(all) > 0, all
		},
		Equal:             func(x, y any) bool { return slices.Equal(x.([]view), y.([]view)) },
		DescribeOperation: func(input, _ any) string { return input.(*claim).describe() },
		DescribeState:     func(state any) string { return html.EscapeString(s.describe(state.([]view))) }, // the page takes it for markup
	}
}

func (s *scene) describe(views []view) string {
	var words []string
	for _, v := range views {
		w := s.automaton.describe(v.register)
		if !s.start.counted && v.state != closed {
			w = s.states[v.state]
		}
		if !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return strings.Join(words, " or ")
}
