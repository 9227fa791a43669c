package checker

import (
	"cmp"
	"html"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// page is an excerpt of a history: the last operations until some event, and
// the states that the machine may have at its beginning.
type page struct {
	*automaton
	ops        []checkedOp // in order of call
	begin, end int64       // times of the first and the last event
	base       linearizer
	initial    []pageState
	truncated  bool                    // it may begin in more states than are shown
	slots      map[*checkedOp][2]int32 // of operations in flight when it begins: slot and spent, see step of the linearizer
}

// Limits of a page.
const (
	pageOperations = 60 // called or returned on the page
	pageUnknown    = 16 // unknown ones that were called before and may take effect on it
	pageInitial    = 64 // configurations in which it may begin
)

// pageState is one state of the search through a page.
type pageState struct {
	specState
	row int32 // the configuration in which it began
}

// newPage returns a page that ends with the culprit's return. It shows up to
// most operations, besides unknown ones.
func newPage(m machine, v *refutation, checked []checkedOp, most int) *page {
	s := &page{automaton: m.automaton, slots: map[*checkedOp][2]int32{}}
	from, seen := v.windowStart(most), v.opsUntilCulprit()
	if s.replay(v, from, seen); s.base.configurations.len() == 0 { // its width was too small
		from = 0
		s.base.copy(v.base)
	}
	s.truncated = s.base.narrowed || s.base.stopped
	s.begin, s.end = v.log[from].time(), v.log[v.at].time()
	spares, counts := s.unknownsBefore(v, checked, from)
	shown := slices.Concat(spares, s.inFlight())
	for _, e := range v.log[from : v.at+1] {
		if !e.ret {
			shown = append(shown, seen(e.c))
		}
	}
	s.setOps(shown)
	s.setInitial(spares, counts)
	return s
}

// replay sets base to the configurations before event number from of the log.
func (s *page) replay(v *refutation, from int, seen func(*checkedOp) *checkedOp) {
	s.base.copy(v.base)
	for _, e := range v.log[:from] {
		if !e.ret {
			s.base.call(seen(e.c))
		} else {
			s.base.ret(seen(e.c))
		}
	}
}

// windowStart returns the event of the log with which the page begins.
func (v *refutation) windowStart(most int) int {
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

// opsUntilCulprit returns a function that maps an operation to its form as
// known when the culprit has returned: operations that return later are
// unknown.
func (v *refutation) opsUntilCulprit() func(c *checkedOp) *checkedOp {
	views := map[*checkedOp]*checkedOp{}
	return func(c *checkedOp) *checkedOp {
		if end, ends := v.ended[c]; ends && end <= v.at || c.ret == forever {
			return c
		}
		if views[c] == nil {
			open := c.asUnknown()
			views[c] = &open
		}
		return views[c]
	}
}

// time returns the time of an event.
func (e event) time() int64 {
	if e.ret {
		return e.c.ret
	}
	return e.c.call
}

// inFlight returns the operations in flight when the page begins.
func (s *page) inFlight() []*checkedOp {
	var checked []*checkedOp
	for i, c := range s.base.slots {
		if c == nil || slices.Contains(checked, c) {
			continue
		}
		slots := [2]int32{int32(i), int32(i)}
		for _, step := range s.base.steps {
			if step.c == c {
				slots = [2]int32{step.slot, step.spent}
			}
		}
		s.slots[c] = slots
		checked = append(checked, c)
	}
	return checked
}

// unknownsBefore returns unknown steps that were called before the page begins
// and may take effect on it: of each kind the last called, as they are
// interchangeable, and as many as are left in the configuration that has used
// the fewest. counts is their number by kind.
func (s *page) unknownsBefore(v *refutation, checked []checkedOp, from int) (spares []*checkedOp, counts []int) {
	t := &s.base.configurations
	counts, left := make([]int, len(s.base.kinds)), make([]int, len(s.base.kinds))
	room := pageUnknown
	for k := range s.base.kinds {
		for i := range t.len() {
			left[k] = max(left[k], s.unknownsLeft(i, k))
		}
		share := min(room, max(1, pageUnknown/len(s.base.kinds)))
		s.truncated = s.truncated || left[k] > share
		left[k] = min(left[k], share)
		room -= left[k]
	}
	for i := len(checked) - 1; i >= 0 && !slices.Equal(left, counts); i-- {
		c := &checked[i]
		end, ends := v.ended[c]
		called, logged := v.called[c]
		open := c.meaning == unknownStep || logged && !(ends && end <= v.at)
		if !open || c.call > v.log[v.at].time() || logged && called >= from {
			continue
		}
		o := c.asUnknown()
		k := slices.IndexFunc(s.base.kinds, func(k unknownKind) bool { return k.op.to == o.to && k.op.from == o.from })
		if o.meaning == unknownStep && k >= 0 && counts[k] < left[k] {
			spares = append(spares, &o)
			counts[k]++
		}
	}
	return spares, counts
}

// unknownsLeft returns the number of unknown steps of a kind that have not
// taken effect in a configuration.
func (s *page) unknownsLeft(row, kind int) int {
	t := &s.base.configurations
	return int(s.base.kinds[kind].called - t.row(row)[rowBits+t.sets+kind])
}

// setOps sets the operations of the page, in order of call.
func (s *page) setOps(shown []*checkedOp) {
	slices.SortStableFunc(shown, func(x, y *checkedOp) int { return cmp.Compare(x.call, y.call) })
	s.ops = make([]checkedOp, len(shown))
	for i, c := range shown {
		s.ops[i] = *c
		if slots, ok := s.slots[c]; ok {
			s.slots[&s.ops[i]] = slots
		}
	}
	s.orderUnknownSteps(s.ops)
}

// setInitial sets the states in which the page may begin. Where fewer unknown
// steps are left than the page shows, the first called have been taken.
func (s *page) setInitial(spares []*checkedOp, counts []int) {
	t := &s.base.configurations
	s.truncated = s.truncated || t.len() > pageInitial
	for row := range min(t.len(), pageInitial) {
		v := pageState{row: int32(row)}
		v.state, v.version = int32(t.row(row)[rowState]), int64(t.row(row)[rowVersion])
		for k, shown := range counts {
			like := &s.base.kinds[k].op
			for i := range s.ops {
				c := &s.ops[i]
				if shown <= s.unknownsLeft(row, k) {
					break
				}
				if c.meaning == unknownStep && c.to == like.to && c.from == like.from {
					v.takenUnknown |= c.bit
					shown--
				}
			}
		}
		s.initial = append(s.initial, v)
	}
}

// step returns the states that v may become if c happens next.
func (s *page) step(v pageState, c *checkedOp) (next []pageState) {
	if v.state == historyEnded {
		return []pageState{v}
	}
	again := c.meaning != unknownStep || v.takenUnknown&c.bit == 0
	if slots, inFlight := s.slots[c]; inFlight {
		row := s.base.configurations.row(int(v.row))
		if has(row, slots[0]) { // it took effect before; but see absorbBlindWrites
			next = append(next, v)
			again = slots[0] != slots[1] && !has(row, slots[1])
		}
	}
	if !again {
		return next
	}
	if r, fits := s.automaton.step(v.specState, c); fits {
		next = append(next, pageState{r, v.row})
	}
	return next
}

// model returns the specification in Porcupine's terms; its states are sets of
// pageState. Once stop reports true, no step fits any more.
func (s *page) model(stop func() bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return s.initial },
		Step: func(state, input, _ any) (bool, any) {
			var all []pageState
			for _, v := range state.([]pageState) {
				if stop() {
					return false, state
				}
				for _, next := range s.step(v, input.(*checkedOp)) {
					if !slices.Contains(all, next) {
						all = append(all, next)
					}
				}
			}
			return len(all) > 0, all
		},
		Equal:             func(x, y any) bool { return slices.Equal(x.([]pageState), y.([]pageState)) },
		DescribeOperation: func(input, _ any) string { return input.(*checkedOp).describe() },
		DescribeState:     func(state any) string { return html.EscapeString(s.describe(state.([]pageState))) }, // the page takes it for markup
	}
}

func (s *page) describe(views []pageState) string {
	var words []string
	for _, v := range views {
		w := s.automaton.describe(v.specState)
		if !s.base.counted && v.state != historyEnded {
			w = s.states[v.state]
		}
		if !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return strings.Join(words, " or ")
}
