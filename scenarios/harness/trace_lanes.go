package harness

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/sim"
)

// traceLanes places the lines of a trace on a terminal so that each process has a column of
// its own, which has its text if the terminal is wide enough, and else a sign only.
type traceLanes struct {
	ids   []sim.ID
	width int // of the terminal
	cell  int // columns of a process; 0: only a sign
}

const (
	laneStart = 22 // the column after number and time
	leastLane = 26 // columns in which the text of a process can be read
)

// newTraceLanes returns the lanes of the processes of a plan.
func newTraceLanes(p *scenarios.Plan, width int) *traceLanes {
	t := &traceLanes{width: width}
	for n := 1; n <= p.Nodes; n++ {
		t.ids = append(t.ids, scenarios.NodeID(n))
	}
	for c := 1; c <= p.Clients; c++ {
		t.ids = append(t.ids, scenarios.ClientID(c))
	}
	t.ids = append(t.ids, scenarios.ClientID(scenarios.HealClient))
	if cell := (width - laneStart) / len(t.ids); cell >= leastLane {
		t.cell = cell
	}
	return t
}

// head names the lanes.
func (t *traceLanes) head() string {
	if t.cell == 0 {
		signs := make([]string, len(t.ids))
		for i, id := range t.ids {
			signs[i] = fmt.Sprint(id)
		}
		return fmt.Sprintf("%*ssigns in this order: %s", laneStart, "", strings.Join(signs, " "))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%*s", laneStart, "")
	for _, id := range t.ids {
		fmt.Fprintf(&b, "%-*v", t.cell, id)
	}
	return strings.TrimRight(b.String(), " ")
}

// format is a line of a trace in its lane, broken to the width. The number is empty if the
// line before has it.
func (t *traceLanes) format(l sim.TraceLine, number string) string {
	begin := fmt.Sprintf("%7s  %-12v ", number, l.At)
	lane := slices.Index(t.ids, l.ID)
	switch {
	case t.cell == 0:
		begin += t.signs(lane)
		return cli.Wrap(begin+laneText(l), t.width, len([]rune(begin))+2)
	case lane < 0:
		return cli.Wrap(begin+laneText(l), t.width, laneStart+2)
	}
	indent := laneStart + lane*t.cell
	begin += strings.Repeat(" ", max(0, indent-len([]rune(begin))))
	return cli.Wrap(begin+laneText(l), max(indent+t.cell-1, len([]rune(begin))+leastLane-1), indent+2)
}

// signs marks the lane of a line among all.
func (t *traceLanes) signs(lane int) string {
	var b strings.Builder
	for i := range t.ids {
		if i == lane {
			b.WriteString("●")
		} else {
			b.WriteString("·")
		}
	}
	return b.String() + " "
}

// laneText is the event or effect, without the process in its lane.
func laneText(l sim.TraceLine) string {
	text := l.Text
	if l.Message != nil {
		text = strings.TrimSpace(l.Message.String() + "  " + text)
	}
	switch {
	case l.From != 0:
		return fmt.Sprintf("← %d %s", l.From, text)
	case l.To != 0:
		return fmt.Sprintf("→ %d %s", l.To, text)
	case l.ID == 0:
		return "* " + text
	}
	return strings.TrimPrefix(text, "observation: ")
}

// laneColours tell lanes apart, beside their places.
var laneColours = []cli.Colour{cli.Cyan, cli.Green, cli.Yellow, cli.Magenta, cli.Blue}

// print prints a line, in the colour of its lane.
func (t *traceLanes) print(out io.Writer, l sim.TraceLine, number string) {
	text := t.format(l, number) + "\n"
	lane := slices.Index(t.ids, l.ID)
	if lane < 0 || scenarios.IsClient(l.ID) {
		fmt.Fprint(out, text)
		return
	}
	cli.PrintColoured(out, laneColours[lane%len(laneColours)], text)
}
