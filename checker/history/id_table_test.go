package history

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The table has what a map has.
func TestIDTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table idTable
		lines := map[string]int{}
		for line, id := range rapid.SliceOfN(rapid.StringMatching("[ab]{0,3}|c[0-9]{1,3}"), 0, 300).Draw(t, "ids") {
			want, known := lines[id]
			got, found := table.lineOf(id)
			require.Equal(t, known, found)
			require.Equal(t, want, got)
			if !known {
				table.add(id, line)
				lines[id] = line
			}
		}
		for id, line := range lines {
			got, found := table.lineOf(id)
			require.True(t, found)
			require.Equal(t, line, got)
		}
	})
}
