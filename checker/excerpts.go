package checker

import (
	"context"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// excerpts are the parts of a history that a checker is asked about which decides
// each of them as a whole: prefixes, to find the culprit, and operations among the
// others, to find a contradiction.
type excerpts struct {
	ops     []checkedOp
	returns []int32 // operations that return, in order of return
	rank    []int32 // by operation: its position in returns; none
}

// conflictFinder looks for a contradiction in an excerpt. It returns some of the
// operations that make it; none if some order explains the excerpt.
type conflictFinder func(x excerpt) (evidence []int32, verdict feasibility)

func newExcerpts(checked []checkedOp) excerpts {
	c := excerpts{ops: checked, returns: newEvents(checked).returns, rank: filled(len(checked))}
	for at, i := range c.returns {
		c.rank[i] = int32(at)
	}
	return c
}

// excerpt is a part of a history: its operations until the return of rank last,
// as they are known then.
type excerpt struct {
	last int32
	ops  []int32        // the only ones that matter, in order of call; nil: all
	kept map[int32]bool // those that take part; the others took effect while they lasted or never, and claim nothing. nil: all
}

// each calls f for the operations of an excerpt that were called by its end, with
// whether they count as known, until f returns evidence.
func (c *excerpts) each(x excerpt, f func(i int32, known bool) []int32) []int32 {
	until := c.ops[c.returns[x.last]].ret
	visit := func(i int32) (evidence []int32, more bool) {
		if c.ops[i].call > until {
			return nil, false
		}
		evidence = f(i, c.known(x, i))
		return evidence, evidence == nil
	}
	if x.ops != nil {
		for _, i := range x.ops {
			if evidence, more := visit(i); !more {
				return evidence
			}
		}
		return nil
	}
	for i := range c.ops {
		if evidence, more := visit(int32(i)); !more {
			return evidence
		}
	}
	return nil
}

// known reports whether an operation has returned, and takes part.
func (c *excerpts) known(x excerpt, i int32) bool {
	return c.returned(x, i) && (x.kept == nil || x.kept[i])
}

func (c *excerpts) returned(x excerpt, i int32) bool {
	return c.rank[i] != none && c.rank[i] <= x.last
}

// deadline is the latest instant at which an operation can have taken effect.
func (c *excerpts) deadline(x excerpt, i int32) int64 {
	if c.returned(x, i) {
		return c.ops[i].ret
	}
	return forever
}

// maxHints is the number of returns that culprit tries because evidence points to
// them, before it only halves.
const maxHints = 8

// culprit returns the rank of the first return until which no order explains the
// history, given evidence that none explains all of it.
func (c *excerpts) culprit(ctx context.Context, evidence []int32, conflict conflictFinder) (rank int32, ok bool) {
	good, bad := int32(-1), int32(len(c.returns)-1)
	hint := c.completion(evidence)
	for hints := 0; good+1 < bad; {
		at := (good + bad) / 2
		if good < hint && hint < bad && hints < maxHints {
			hints++
			at = hint
		}
		evidence, verdict := conflict(excerpt{last: at})
		switch {
		case verdict == unsure || ctx.Err() != nil:
			return 0, false
		case verdict == possible:
			good = at
		default:
			bad, hint = at, c.completion(evidence)
			if hint >= bad {
				hint = bad - 1
			}
		}
	}
	return bad, true
}

// completion returns the rank of the return that completes evidence.
func (c *excerpts) completion(evidence []int32) int32 {
	last := none
	for _, i := range evidence {
		last = max(last, c.rank[i])
	}
	return last
}

// contradiction returns operations that no order explains, whatever the others
// did, in order of call. It needs each, as far as that is sure.
func (c *excerpts) contradiction(until int32, conflict conflictFinder) (operations []history.Operation) {
	evidence, _ := conflict(excerpt{last: until})
	members := c.membersOf(until, evidence)
	leftOut := map[int32]bool{}
	explained := func() bool {
		_, verdict := conflict(c.without(until, members, leftOut))
		return verdict != impossible
	}
	if explained() { // evidence is incomplete
		members = slices.Clone(c.returns[:until+1])
	}
	kept := leaveOut(members, leftOut, explained)
	slices.Sort(kept) // as operations are in order of call
	for _, i := range kept {
		operations = append(operations, *c.ops[i].op)
	}
	return operations
}

// membersOf returns the operations of evidence once, in order of return.
func (c *excerpts) membersOf(until int32, evidence []int32) []int32 {
	members := append(slices.Clone(evidence), c.returns[until])
	members = slices.DeleteFunc(members, func(i int32) bool { return c.rank[i] == none || c.rank[i] > until })
	slices.SortFunc(members, func(i, j int32) int { return int(c.rank[i] - c.rank[j]) })
	return slices.Compact(members)
}

// without returns the excerpt in which members take part, but for some.
func (c *excerpts) without(until int32, members []int32, leftOut map[int32]bool) excerpt {
	x := excerpt{last: until, ops: []int32{}, kept: map[int32]bool{}}
	for _, i := range members {
		if !leftOut[i] {
			x.ops = append(x.ops, i)
			x.kept[i] = true
		}
	}
	slices.Sort(x.ops)
	return x
}
