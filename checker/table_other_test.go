//go:build !linux

package checker

import (
	"testing"
	"time"
)

// Cells are measured on Linux only.

func processorTime() time.Duration { return 0 }

func peakMemory(t *testing.T) int64 {
	t.Skip("memory is measured on Linux only")
	return 0
}

func limitMemory(*testing.T, uint64) {}
