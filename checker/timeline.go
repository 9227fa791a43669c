package checker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Timeline draws operations, a line each, as bars between their calls and
// returns. Instants are in order, not to scale. An operation that never
// returned has no right end.
func Timeline(ops []Operation) string {
	const wide = 3 // columns between two instants
	var instants []int64
	for i := range ops {
		instants = append(instants, ops[i].Call)
		if ops[i].Outcome != Unknown {
			instants = append(instants, ops[i].Return)
		}
	}
	slices.Sort(instants)
	instants = slices.Compact(instants)
	column := func(t int64) int {
		i, _ := slices.BinarySearch(instants, t)
		return wide * i
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i := range ops {
		op := &ops[i]
		from, to, end, until := column(op.Call), column(op.Return), "|", "to "+formatTime(op.Return)
		if op.Outcome == Unknown {
			to, end, until = wide*len(instants), ">", "on"
		}
		bar := strings.Repeat(" ", from) + "|" + strings.Repeat("-", max(to-from-1, 0))
		if to > from {
			bar += end
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s %s\n", op.ID, bar, describeOperation(op), formatTime(op.Call), until)
	}
	w.Flush()
	return b.String()
}

// maxDrawn is how many operations of a contradiction Evidence draws.
const maxDrawn = 20

// Evidence says what contradicts each other, if the result was explained, and
// draws it: the last of it if it is much. It is lines for people, or empty.
func (r *Result) Evidence() string {
	n := len(r.Contradiction)
	if n == 0 {
		return ""
	}
	what := fmt.Sprintf("these %d operations contradict each other", n)
	if n == 1 {
		what = "this operation is impossible"
	}
	if r.Premise != "" {
		what += fmt.Sprintf(", given that %s was %s before, whatever the others did:\n", cmp.Or(r.Machine, "the register"), r.Premise)
	} else {
		what += ", whatever the others did:\n"
	}
	cut := max(n-maxDrawn, 0)
	if cut > 0 {
		what += fmt.Sprintf("(the first %d are not drawn)\n", cut)
	}
	for line := range strings.Lines(Timeline(r.Contradiction[cut:])) {
		what += "  " + line
	}
	return what
}
