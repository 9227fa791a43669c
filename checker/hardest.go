package checker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/printable"
)

// Hardest is the window of a history in which most operations overlap: there
// are most orders to try.
type Hardest struct {
	From        int64    `json:"from"`           // nanoseconds since the start of the history
	To          int64    `json:"to"`             // as From
	Overlapping int      `json:"overlapping"`    // operations in flight in the window that change the object
	Operations  []string `json:"operations"`     // their ids, the first maxNamed by call
	Unknown     int      `json:"unknown"`        // operations of unknown outcome, called until then, that may take effect in it
	Help        []string `json:"help,omitempty"` // changes of the history's recording that would help to judge it
}

// hardest returns the window of the operations of one machine. They are in order
// of call.
func hardest(g *history.Grammar, ops []*history.Operation) *Hardest {
	var open, most []*history.Operation
	h := &Hardest{}
	for _, op := range ops {
		if form := g.Form(op.Kind); form != nil && form.ReadOnly || op.Outcome == history.Unknown || !claims(op) {
			continue
		}
		open = slices.DeleteFunc(open, func(before *history.Operation) bool { return before.Return < op.Call })
		if open = append(open, op); len(open) > len(most) {
			most = slices.Clone(open)
		}
	}
	if len(most) > 0 {
		h.From, h.To = most[len(most)-1].Call, slices.MinFunc(most, byReturn).Return
	}
	h.Overlapping = len(most)
	for _, op := range most[:min(len(most), maxNamed)] {
		h.Operations = append(h.Operations, op.ID)
	}
	h.Help = help(g, ops, h)
	return h
}

func byReturn(x, y *history.Operation) int { return cmp.Compare(x.Return, y.Return) }

// help counts the unknown operations of a window, and lists advice.
func help(g *history.Grammar, ops []*history.Operation, h *Hardest) (advice []string) {
	unversioned, claimed, unknown := 0, 0, 0
	times := map[string]int{}
	repeated := ""
	for _, op := range ops {
		form := g.Form(op.Kind)
		readOnly := form != nil && form.ReadOnly
		switch {
		case op.Outcome == history.Unknown && !readOnly:
			unknown++
			if op.Call <= h.To || h.Overlapping == 0 {
				h.Unknown++
			}
		case claims(op):
			claimed++
			if op.Version == history.NoVersion {
				unversioned++
			}
		}
		if op.Kind == history.KindWrite || op.Kind == history.KindCAS || op.Kind == history.KindEnqueue {
			if times[op.Argument]++; times[op.Argument] > times[repeated] {
				repeated = op.Argument
			}
		}
	}
	if g.Versions && unversioned > 0 {
		advice = append(advice, fmt.Sprintf("versions in responses: %d of %d have none", unversioned, claimed))
	}
	if n := times[repeated]; n > 1 {
		advice = append(advice, fmt.Sprintf("values that are written only once: %s was written %d times", repeated, n))
	}
	if unknown > 0 {
		advice = append(advice, fmt.Sprintf("fewer operations of unknown outcome: these are %d of %d", unknown, len(ops)))
	}
	if h.Overlapping > 1 {
		advice = append(advice, "fewer clients at a time on one object")
	}
	return append(advice, "more time or memory")
}

// String describes the window, in lines for people.
func (h *Hardest) String() string {
	text := fmt.Sprintf("hardest from %s to %s: %d operations in flight change it", formatTime(h.From), formatTime(h.To), h.Overlapping)
	if h.Overlapping == 0 {
		text = "no operation in flight changes it"
	}
	for i, id := range h.Operations {
		separator := ", "
		if i == 0 {
			separator = ": "
		}
		text += separator + printable.String(id)
	}
	if more := h.Overlapping - len(h.Operations); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if h.Unknown > 0 {
		text += fmt.Sprintf("; %d of unknown outcome may take effect there", h.Unknown)
	}
	text += "\nwhat would help:\n"
	for _, advice := range h.Help {
		text += "  " + printable.String(advice) + "\n"
	}
	return text
}
