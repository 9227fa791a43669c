package checker

import (
	"cmp"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// tail is an tail of a history: the last operations until some event, and
// the states that the machine may have at its beginning.
type tail struct {
	*automaton
	ops        []checkedOp // in order of call
	begin, end int64       // times of the first and the last event
	base       linearizer
	initial    []tailState
	truncated  bool                    // it may begin in more states than are shown
	slots      map[*checkedOp][2]int32 // of operations in flight when it begins: slot and spent, see step of the linearizer
}

// Limits of a tail.
const (
	tailOperations = 60 // called or returned in the tail
	tailUnknown    = 16 // unknown ones that were called before and may take effect in it
	tailInitial    = 64 // configurations in which it may begin
)

// tailState is one state of the search through a tail.
type tailState struct {
	specState
	row int32 // the configuration in which it began
}

// newTail returns a tail that ends with the culprit's return. It shows up to
// most operations, besides unknown ones.
func newTail(m machine, v *refutation, checked []checkedOp, most int) *tail {
	s := &tail{automaton: m.automaton, slots: map[*checkedOp][2]int32{}}
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
func (s *tail) replay(v *refutation, from int, seen func(*checkedOp) *checkedOp) {
	s.base.copy(v.base)
	for _, e := range v.log[:from] {
		if !e.ret {
			s.base.call(seen(e.c))
		} else {
			s.base.ret(seen(e.c))
		}
	}
}

// windowStart returns the event of the log with which the tail begins.
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

// inFlight returns the operations in flight when the tail begins.
func (s *tail) inFlight() []*checkedOp {
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

// unknownsBefore returns unknown steps that were called before the tail begins
// and may take effect in it: of each kind the last called, as they are
// interchangeable, and as many as are left in the configuration that has used
// the fewest. counts is their number by kind.
func (s *tail) unknownsBefore(v *refutation, checked []checkedOp, from int) (spares []*checkedOp, counts []int) {
	t := &s.base.configurations
	counts, left := make([]int, len(s.base.kinds)), make([]int, len(s.base.kinds))
	room := tailUnknown
	for k := range s.base.kinds {
		for i := range t.len() {
			left[k] = max(left[k], s.unknownsLeft(i, k))
		}
		share := min(room, max(1, tailUnknown/len(s.base.kinds)))
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
func (s *tail) unknownsLeft(row, kind int) int {
	t := &s.base.configurations
	return int(s.base.kinds[kind].called - t.row(row)[rowBits+t.sets+kind])
}

// setOps sets the operations of the tail, in order of call.
func (s *tail) setOps(shown []*checkedOp) {
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

// setInitial sets the states in which the tail may begin. Where fewer unknown
// steps are left than the tail shows, the first called have been taken.
func (s *tail) setInitial(spares []*checkedOp, counts []int) {
	t := &s.base.configurations
	s.truncated = s.truncated || t.len() > tailInitial
	for row := range min(t.len(), tailInitial) {
		v := tailState{row: int32(row)}
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
func (s *tail) step(v tailState, c *checkedOp) (next []tailState) {
	if v.state == historyEnded {
		return []tailState{v}
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
		next = append(next, tailState{r, v.row})
	}
	return next
}

// model returns the specification in Porcupine's terms; its states are sets of
// tailState. Once stop reports true, no step fits any more.
func (s *tail) model(stop func() bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return s.initial },
		Step: func(state, input, _ any) (bool, any) {
			var all []tailState
			for _, v := range state.([]tailState) {
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
		Equal:             func(x, y any) bool { return slices.Equal(x.([]tailState), y.([]tailState)) },
		DescribeOperation: func(input, _ any) string { return input.(*checkedOp).describe() },
		DescribeState:     func(state any) string { return s.describe(state.([]tailState)) },
	}
}

func (s *tail) describe(views []tailState) string {
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
