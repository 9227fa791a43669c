package checker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// Timeline draws operations, one per line, as bars between their calls and
// returns. Instants are in order, not to scale. The bar of an operation of
// unknown outcome has no right end.
func Timeline(ops []history.Operation) string {
	const wide = 3 // columns between two instants
	var instants []int64
	for i := range ops {
		instants = append(instants, ops[i].Call)
		if ops[i].Outcome != history.Unknown {
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
		if op.Outcome == history.Unknown {
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

// maxDrawn is the number of operations of a contradiction that Evidence draws.
const maxDrawn = 20

// Evidence describes and draws the contradiction, the last maxDrawn operations
// of it. It returns lines for people; empty without a contradiction.
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
