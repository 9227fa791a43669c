package harness

import (
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// A wide terminal has a column for each process, and breaks the text of a line within it.
func TestAProcessHasAColumn(t *testing.T) {
	lanes := newTraceLanes(&scenarios.Plan{Nodes: 2, Clients: 1}, 140)
	require.Equal(t, 29, lanes.cell)
	require.Equal(t, strings.Repeat(" ", 22)+"1                            2                            101                          199", lanes.head())
	first := lanes.format(sim.TraceLine{ID: 1, At: 1_500_000, Text: "observation: applied lifecycle/a c1.1 Init→Running"}, "12")
	require.Equal(t, "     12  1.5ms        applied lifecycle/a c1.1\n"+strings.Repeat(" ", 24)+"Init→Running", first)
	second := lanes.format(sim.TraceLine{ID: 2, From: 1, At: 1_500_000, Text: "commit"}, "")
	require.Equal(t, "         1.5ms        "+strings.Repeat(" ", 29)+"← 1 commit", second)
	require.Equal(t, "         0s           * heal", lanes.format(sim.TraceLine{Text: "heal"}, ""))
}

// A narrow one has a sign for each process, and the text behind them.
func TestAProcessHasASignWhereThereIsNoRoom(t *testing.T) {
	lanes := newTraceLanes(&scenarios.Plan{Nodes: 3, Clients: 1}, 80)
	require.Zero(t, lanes.cell)
	require.Equal(t, "      7  2ms          ··●·· → 1 ack", lanes.format(sim.TraceLine{ID: 3, To: 1, At: 2_000_000, Text: "ack"}, "7"))
	for line := range strings.Lines(lanes.format(sim.TraceLine{ID: 1, Text: strings.Repeat("word ", 40)}, "8")) {
		require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 80)
	}
}
