package checker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// lists judges a list to which no element is appended twice. The longest list
// that a response tells has the order of the appends: all others must be the
// beginning of it, each element is appended after the one before, and what tells a
// list comes between two appends. Elements that none tells were appended after
// that, in any order, or never if that is unknown. So there is one order to hold
// against time.
type lists struct {
	excerpts
	told   [][]int32        // by operation: the elements of the list that it tells
	tells  []bool           // by operation
	writer map[int32]int32  // by element: the operation that appends it
	number map[string]int32 // of elements
}

// newLists returns false if an element is appended twice, or a response is no
// list.
func newLists(checked []checkedOp) (*lists, bool) {
	l := &lists{
		told: make([][]int32, len(checked)), tells: make([]bool, len(checked)),
		writer: map[int32]int32{}, number: map[string]int32{},
	}
	longest := none // text that is told
	for i := range checked {
		op := checked[i].op
		if op.Kind == history.KindAppend {
			element := l.element(op.Argument)
			if _, twice := l.writer[element]; twice {
				return nil, false
			}
			l.writer[element] = int32(i)
		}
		l.tells[i] = checked[i].meaning == committedRead || checked[i].meaning == committedStep && op.State != ""
		if l.tells[i] && (longest == none || len(op.State) > len(checked[longest].op.State)) {
			longest = int32(i)
		}
	}
	if longest != none && !l.read(checked, longest) {
		return nil, false
	}
	l.excerpts = newExcerpts(checked)
	return l, true
}

// read notes the elements that responses tell. Most texts are the beginning of the longest
// one: these need not be taken apart again.
func (l *lists) read(checked []checkedOp, longest int32) bool {
	whole := checked[longest].op.State
	items, isList := history.Items(whole)
	if !isList {
		return false
	}
	elements, ends := make([]int32, len(items)), map[int]int{} // by the end of an item: the number of items by then
	at := min(1, len(whole))
	for k, item := range items {
		elements[k] = l.element(item)
		at += strings.Index(whole[at:], item) + len(item)
		ends[at] = k + 1
	}
	for i := range checked {
		if !l.tells[i] {
			continue
		}
		text := checked[i].op.State
		if last := len(text) - 1; last > 0 && text[last] == whole[len(whole)-1] && strings.HasPrefix(whole, text[:last]) {
			if n, found := ends[last]; found {
				l.told[i] = elements[:n]
				continue
			}
		}
		items, isList := history.Items(text)
		if !isList {
			return false
		}
		for _, item := range items {
			l.told[i] = append(l.told[i], l.element(item))
		}
	}
	return true
}

func (l *lists) element(text string) int32 {
	i, known := l.number[text]
	if !known {
		i = int32(len(l.number))
		l.number[text] = i
	}
	return i
}

// conflict is a conflictFinder. It is never unsure.
func (l *lists) conflict(x excerpt) (evidence []int32, verdict feasibility) {
	if len(l.returns) == 0 {
		return nil, possible
	}
	if evidence = l.order(x); evidence != nil {
		return evidence, impossible
	}
	return nil, possible
}

// listSlot is what tells a list of some length.
type listSlot struct {
	first, last int32 // to return, and to be called; none
}

func (l *lists) order(x excerpt) []int32 {
	longest, evidence := l.longest(x)
	if evidence != nil {
		return evidence
	}
	var order []int32
	if longest != none {
		order = l.told[longest]
	}
	slots := make([]listSlot, len(order)+1)
	for k := range slots {
		slots[k] = listSlot{none, none}
	}
	placed := map[int32]bool{} // appends in order
	until := l.ops[l.returns[x.last]].ret
	for k, element := range order {
		w, exists := l.writer[element]
		switch {
		case !exists || l.ops[w].call > until || placed[w]:
			return []int32{longest}
		case l.known(x, w) && (l.ops[w].meaning != committedStep || l.tells[w] && len(l.told[w]) != k+1):
			return []int32{longest, w}
		}
		placed[w] = true
	}
	rest := listSlot{none, none} // appends that none tells
	evidence = l.each(x, func(i int32, known bool) []int32 {
		switch {
		case !known || l.ops[i].meaning == noEffect:
		case l.ops[i].meaning == committedStep && !placed[i]:
			if l.tells[i] {
				return []int32{i}
			}
			rest = l.include(rest, i)
		case l.ops[i].meaning == committedRead:
			k := len(l.told[i])
			slots[k] = l.include(slots[k], i)
		}
		return nil
	})
	if evidence != nil {
		return evidence
	}
	return l.walk(x, longest, order, append(slots, rest))
}

// walk goes through the order. Nothing may have returned before the call of what
// comes before it.
func (l *lists) walk(x excerpt, longest int32, order []int32, slots []listSlot) []int32 {
	latest := none // the last call so far
	late := func(i int32) []int32 {
		if i == none || latest == none || l.ops[latest].call <= l.deadline(x, i) {
			return nil
		}
		evidence := []int32{latest, i}
		if longest != none {
			evidence = append(evidence, longest)
		}
		return evidence
	}
	call := func(i int32) {
		if i != none && (latest == none || l.ops[i].call > l.ops[latest].call) {
			latest = i
		}
	}
	for k, slot := range slots {
		if k > 0 && k <= len(order) {
			w := l.writer[order[k-1]]
			if evidence := late(w); evidence != nil {
				return evidence
			}
			call(w)
		}
		if evidence := late(slot.first); evidence != nil {
			return evidence
		}
		call(slot.last)
	}
	return nil
}

// longest returns the operation that tells the longest list, the first to return
// of several; or else the evidence that two tell lists of which neither begins the
// other.
func (l *lists) longest(x excerpt) (longest int32, evidence []int32) {
	longest = none
	l.each(x, func(i int32, known bool) []int32 {
		if known && l.tells[i] && (longest == none || len(l.told[i]) > len(l.told[longest]) ||
			len(l.told[i]) == len(l.told[longest]) && l.rank[i] < l.rank[longest]) {
			longest = i
		}
		return nil
	})
	evidence = l.each(x, func(i int32, known bool) []int32 {
		if known && l.tells[i] && !slices.Equal(l.told[i], l.told[longest][:len(l.told[i])]) {
			return []int32{i, longest}
		}
		return nil
	})
	return longest, evidence
}

func (l *lists) include(s listSlot, i int32) listSlot {
	if s.first == none || l.rank[i] < l.rank[s.first] {
		s.first = i
	}
	if s.last == none || l.ops[i].call > l.ops[s.last].call {
		s.last = i
	}
	return s
}

// maxWalkedList is the number of operations up to which the walk finds the words
// for a violation: beyond, the possible lists would be too many.
const maxWalkedList = 64

// checkLists judges m as a list, if it is one.
func (m machine) checkLists(ctx context.Context, o Options) (r Result, decided bool) {
	if m.object == nil || !m.object.standard || m.object.model.Name != history.ModelAppendList {
		return Result{}, false
	}
	if begun, ok := m.object.states[m.initial].([]string); !ok || len(begun) > 0 {
		return Result{}, false // its elements were appended by nobody
	}
	l, fit := newLists(m.claimedOps())
	if !fit {
		return Result{}, false
	}
	evidence, verdict := l.conflict(excerpt{last: int32(len(l.returns) - 1)})
	if verdict == possible {
		return Result{Status: Linearizable}, true
	}
	if len(m.operations) <= maxWalkedList {
		return Result{}, false
	}
	last, ok := l.culprit(ctx, evidence, l.conflict)
	if !ok {
		return Result{}, false
	}
	op := l.ops[l.returns[last]].op
	r = Result{Status: Violated, Machine: m.name, Culprit: new(*op)}
	contradiction := l.contradiction(last, l.conflict)
	r.Class, r.Explanation = m.explainList(&l.ops[l.returns[last]], contradiction)
	if o.Explain {
		r.Contradiction = contradiction
	}
	return r, true
}

// explainList says what contradicts the culprit.
func (m machine) explainList(c *checkedOp, contradiction []history.Operation) (class, sentence string) {
	class, op := ClassRejectedEffect, c.op
	switch c.meaning {
	case committedRead:
		class = ClassRead
	case committedStep:
		class = ClassCommitted
	}
	var others []string
	for i := range contradiction {
		if other := &contradiction[i]; other.ID != op.ID {
			others = append(others, fmt.Sprintf("%s had %s between %s and %s", other.ID, describeOperation(other), formatTime(other.Call), formatTime(other.Return)))
		}
	}
	why := "which no appends by then explain"
	if len(others) > 0 {
		why = "when " + strings.Join(others, " and ")
	}
	return class, fmt.Sprintf("%s: %s %s between %s and %s, %s", m.title(), op.ID, describeOperation(op), formatTime(op.Call), formatTime(op.Return), why)
}
