package checker

import (
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
		from, to, end, until := column(op.Call), column(op.Return), "|", "to "+at(op.Return)
		if op.Outcome == Unknown {
			to, end, until = wide*len(instants), ">", "on"
		}
		bar := strings.Repeat(" ", from) + "|" + strings.Repeat("-", max(to-from-1, 0))
		if to > from {
			bar += end
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s %s\n", op.ID, bar, deed(op), at(op.Call), until)
	}
	w.Flush()
	return b.String()
}
