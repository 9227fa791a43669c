package checker

import (
	"cmp"
	"context"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// checkElements judges a set each operation of which names its element. The
// elements are independent objects, so each is judged alone, which loses nothing
// (linearizability is local: Herlihy and Wing 1990).
func (m machine) checkElements(ctx context.Context, o Options) (r Result, decided bool) {
	begun, isList := m.object.states[m.initial].([]string)
	if !isList || slices.ContainsFunc(m.operations, func(op *history.Operation) bool { return op.Kind == history.KindRead }) {
		return Result{}, false
	}
	if r = m.judgeElements(ctx, begun, o); r.Status == Violated {
		if words := m.inWords(ctx, o); words.Culprit != nil {
			return words, true
		}
	}
	return r, true
}

// judgeElements returns the violation that the first return completes.
func (m machine) judgeElements(ctx context.Context, begun []string, o Options) Result {
	r := Result{Status: Linearizable}
	for _, ops := range byElement(m.operations) {
		element := ops[0].Argument
		if isExplained(ops, slices.Contains(begun, element)) {
			continue
		}
		if r.Culprit != nil {
			ops = knownUntil(ops, r.Culprit.Return)
		}
		if part := m.ofElement(element, ops, begun).check(ctx, o); r.Culprit == nil || part.Culprit != nil && m.returnsBefore(part.Culprit, r.Culprit) {
			r = r.worse(part)
		}
	}
	return r
}

// byElement divides operations by the element that they name, in order of the
// first call.
func byElement(ops []*history.Operation) (parts [][]*history.Operation) {
	number := make(map[string]int32, len(ops)/4)
	of, sizes := make([]int32, len(ops)), []int32(nil)
	for i, op := range ops {
		n, known := number[op.Argument]
		if !known {
			n = int32(len(sizes))
			number[op.Argument], sizes = n, append(sizes, 0)
		}
		of[i] = n
		sizes[n]++
	}
	all, from := make([]*history.Operation, len(ops)), int32(0)
	for _, size := range sizes {
		parts = append(parts, all[from:from:from+size])
		from += size
	}
	for i, op := range ops {
		parts[of[i]] = append(parts[of[i]], op)
	}
	return parts
}

// knownUntil returns operations as they were known at an instant.
func knownUntil(ops []*history.Operation, until int64) (known []*history.Operation) {
	for _, op := range ops {
		if op.Call > until {
			break
		}
		if op.Outcome != history.Unknown && op.Return > until {
			op = withoutResponse(op)
		}
		known = append(known, op)
	}
	return known
}

// returnsBefore reports which of two operations returned first; of one instant, the
// one that was called first.
func (m machine) returnsBefore(x, y *history.Operation) bool {
	if x.Return != y.Return {
		return x.Return < y.Return
	}
	at := func(op *history.Operation) int {
		return slices.IndexFunc(m.operations, func(other *history.Operation) bool { return other.ID == op.ID })
	}
	return at(x) < at(y)
}

// ofElement returns the operations on one element as a machine that is walked.
func (m machine) ofElement(element string, ops []*history.Operation, begun []string) machine {
	alone := *m.object.model
	alone.Init = func(string) any {
		if slices.Contains(begun, element) {
			return []string{element}
		}
		return []string(nil)
	}
	alone.Describe = func(state any) string {
		if len(state.([]string)) > 0 {
			return "with " + element
		}
		return "without " + element
	}
	return machine{automaton: newObjectAutomaton(&alone, m.name), name: m.name, operations: ops}
}

// isExplained looks for an order of the operations on one element, without second
// thoughts: each takes effect when it returns, and what it needs just before. It
// is right if it finds one.
func isExplained(ops []*history.Operation, present bool) bool {
	w := elementWalk{present: present}
	returns := ops
	if len(ops) > 1 {
		returns = slices.Clone(ops)
		slices.SortStableFunc(returns, func(x, y *history.Operation) int { return cmp.Compare(x.Return, y.Return) })
	}
	called := 0
	for _, op := range returns {
		if !claims(op) {
			continue
		}
		for ; called < len(ops) && ops[called].Call <= op.Return; called++ {
			w.call(ops[called])
		}
		if !w.ret(op) {
			return false
		}
	}
	return true
}

// elementWalk is the search of isExplained.
type elementWalk struct {
	present bool
	open    []elementStep // that have not taken effect
	unknown [2]int        // steps that may make the element absent, or present
}

// elementStep is an operation on one element.
type elementStep struct {
	op      *history.Operation
	needs   bool // the element must be as before says
	before  bool
	changes bool // the element is as after says from then on
	after   bool
}

func newElementStep(op *history.Operation) elementStep {
	told := op.State == "true"
	switch {
	case op.Kind == history.KindContains:
		return elementStep{op: op, needs: true, before: told}
	case op.Outcome == history.Unknown || op.State == "":
		return elementStep{op: op, changes: true, after: op.Kind == history.KindAdd}
	case told:
		return elementStep{op: op, needs: true, before: op.Kind == history.KindRemove, changes: true, after: op.Kind == history.KindAdd}
	}
	return elementStep{op: op, needs: true, before: op.Kind == history.KindAdd}
}

// fits reports whether a step is possible now.
func (w *elementWalk) fits(s elementStep) bool { return !s.needs || s.before == w.present }

func (w *elementWalk) call(op *history.Operation) {
	switch s := newElementStep(op); {
	case op.Outcome == history.Unknown && s.changes:
		w.unknown[index(s.after)]++
	case claims(op) && (s.changes || !w.fits(s)):
		w.open = append(w.open, s)
	}
}

func index(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ret has an operation take effect, if it has not, and another before it that it
// needs.
func (w *elementWalk) ret(op *history.Operation) bool {
	at := slices.IndexFunc(w.open, func(s elementStep) bool { return s.op == op })
	if at < 0 {
		return true
	}
	if !w.fits(w.open[at]) && !w.flip() {
		return false
	}
	at = slices.IndexFunc(w.open, func(s elementStep) bool { return s.op == op })
	if at >= 0 {
		w.take(at)
	}
	return true
}

// flip has the step take effect that changes the element and returns first.
func (w *elementWalk) flip() bool {
	first := -1
	for i, s := range w.open {
		if w.fits(s) && s.changes && s.after != w.present && (first < 0 || s.op.Return < w.open[first].op.Return) {
			first = i
		}
	}
	if first >= 0 {
		w.take(first)
		return true
	}
	unknown := &w.unknown[index(!w.present)]
	if *unknown == 0 {
		return false
	}
	*unknown--
	w.become(!w.present)
	return true
}

func (w *elementWalk) take(at int) {
	s := w.open[at]
	w.open = slices.Delete(w.open, at, at+1)
	if s.changes {
		w.become(s.after)
	}
}

// become changes the element; what observes it then takes effect at once.
func (w *elementWalk) become(present bool) {
	w.present = present
	w.open = slices.DeleteFunc(w.open, func(s elementStep) bool { return !s.changes && w.fits(s) })
}
