package checker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/printable"
)

// Timeline draws operations, one per line, as bars between their calls and
// returns. Instants are in order, not to scale. The bar of an operation of
// unknown outcome has no right end.
func Timeline(ops []history.Operation) string {
	rows := make([]Row, len(ops))
	for i := range ops {
		rows[i] = newRow(&ops[i], false)
	}
	return timeline(rows, "")
}

// timeline draws rows. Those that contradict each other have a mark, if it is
// not empty.
func timeline(rows []Row, mark string) string {
	const wide = 3 // columns between two instants
	instants := instantsOf(rows)
	column := func(t int64) int {
		i, _ := slices.BinarySearch(instants, t)
		return wide * i
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i := range rows {
		row := &rows[i]
		from, to, end, until := column(row.Call), wide*len(instants), ">", "on"
		if row.Return != nil {
			to, end, until = column(*row.Return), "|", "to "+formatTime(*row.Return)
		}
		bar := strings.Repeat(" ", from) + "|" + strings.Repeat("-", max(to-from-1, 0))
		if to > from {
			bar += end
		}
		switch {
		case mark != "" && row.Contradicts:
			fmt.Fprint(w, mark+" ")
		case mark != "":
			fmt.Fprint(w, "  ")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s %s\n", printable.String(row.ID), bar, printable.String(row.Text), formatTime(row.Call), until)
	}
	w.Flush()
	return b.String()
}

// instantsOf returns the calls and returns of rows, sorted.
func instantsOf(rows []Row) (instants []int64) {
	for i := range rows {
		instants = append(instants, rows[i].Call)
		if rows[i].Return != nil {
			instants = append(instants, *rows[i].Return)
		}
	}
	slices.Sort(instants)
	return slices.Compact(instants)
}

// maxDrawn is the number of operations of a contradiction that Evidence draws.
const maxDrawn = 20

// Evidence is the Account as lines for people, after its sentence: it describes
// and draws the contradiction, the last maxDrawn operations of it. It is empty
// without a contradiction, unless the result is undecided.
func (r *Result) Evidence() string {
	a := r.Account
	if a == nil {
		a = &Account{Machine: r.Machine, Premise: r.Premise}
		for i := range r.Contradiction {
			a.Rows = append(a.Rows, newRow(&r.Contradiction[i], true))
		}
	}
	if a.Hardest != nil {
		return a.Hardest.String()
	}
	return a.evidence()
}

func (a *Account) evidence() string {
	n := 0
	for i := range a.Rows {
		if a.Rows[i].Contradicts {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	mark := ""
	if n < len(a.Rows) {
		mark = "*"
	}
	cut := max(len(a.Rows)-maxDrawn, 0)
	text := a.claim(n, mark) + ":\n"
	if cut > 0 {
		text += fmt.Sprintf("(the first %d are not drawn)\n", cut)
	}
	for line := range strings.Lines(timeline(a.Rows[cut:], mark)) {
		text += "  " + line
	}
	for _, fact := range a.Facts {
		text += printable.String(fact) + "\n"
	}
	return text
}

// claim says that n operations contradict each other.
func (a *Account) claim(n int, mark string) string {
	if mark != "" {
		mark = " (" + mark + ")"
	}
	text := fmt.Sprintf("these %d operations%s contradict each other", n, mark)
	if n == 1 {
		text = "this operation" + mark + " is impossible"
	}
	if a.Premise != "" {
		text += fmt.Sprintf(", given that %s was %s before", cmp.Or(a.Machine, "the register"), a.Premise)
	}
	return text + ", whatever the others did"
}
