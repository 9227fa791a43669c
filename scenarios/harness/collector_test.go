package harness

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

// A campaign's pace of the collector ends with it, and gives way to the environment's.
func TestPaceCollector(t *testing.T) {
	now := func() (percent int, limit int64) {
		percent = debug.SetGCPercent(100)
		debug.SetGCPercent(percent)
		return percent, debug.SetMemoryLimit(-1)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(77))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64 - 1))
	for name, c := range map[string]struct {
		gogc, limit string
		percent     int
		bytes       int64
	}{
		"by default":              {"", "", 1600, 3 << 29},
		"a pace is set":           {"50", "", 77, 3 << 29},
		"a limit is set":          {"", "2GiB", 1600, math.MaxInt64 - 1},
		"both are set, and stand": {"50", "2GiB", 77, math.MaxInt64 - 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", c.gogc)
			t.Setenv("GOMEMLIMIT", c.limit)
			restore := paceCollector(3)
			percent, limit := now()
			require.Equal(t, c.percent, percent)
			require.Equal(t, c.bytes, limit)
			restore()
			percent, limit = now()
			require.Equal(t, 77, percent)
			require.Equal(t, int64(math.MaxInt64-1), limit)
		})
	}
}
