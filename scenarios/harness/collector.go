package harness

import (
	"os"
	"runtime/debug"
)

const (
	// garbagePercent is the pace of the collector in a campaign: worlds are small and
	// short-lived, and the usual pace takes some tenth of its processor time.
	garbagePercent = 1600
	// memoryPerWorker is the memory, in bytes, from which on garbage is collected sooner: a
	// world of many machines has a hundred megabytes alive.
	memoryPerWorker = 512 << 20
)

// paceCollector trades memory for speed in a campaign of so many workers, until restore is
// called. The environment's GOGC and GOMEMLIMIT stand.
func paceCollector(workers int) (restore func()) {
	percent, limit := -1, int64(-1)
	if os.Getenv("GOGC") == "" {
		percent = debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		limit = debug.SetMemoryLimit(int64(workers) * memoryPerWorker)
	}
	return func() {
		debug.SetMemoryLimit(limit) // a negative one changes nothing
		if percent != -1 {
			debug.SetGCPercent(percent)
		}
	}
}
