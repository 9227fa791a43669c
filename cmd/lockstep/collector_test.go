package main

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCollectorPercent(t *testing.T) {
	for _, c := range []struct {
		alive uint64
		want  int
	}{
		{0, 800}, {8 << 20, 812}, {16 << 20, 412}, {64 << 20, 112}, {256 << 20, 37}, {1 << 30, 18}, {1 << 40, 12},
	} {
		require.Equal(t, c.want, collectorPercent(c.alive), "%d bytes alive", c.alive)
	}
}

// setPercent is the pace that is set.
func setPercent() int {
	percent := debug.SetGCPercent(usualPercent)
	debug.SetGCPercent(percent)
	return percent
}

// The pace follows what is alive, from one collection to the next, until it is stopped.
func TestCollectorPaceFollowsTheHeap(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(usualPercent))
	stop := paceCollector()
	follow := func(reached func(percent int) bool) {
		t.Helper()
		for range 1000 {
			runtime.GC()
			if reached(setPercent()) {
				return
			}
			runtime.Gosched()
		}
		t.Fatalf("the pace stays at %d", setPercent())
	}
	follow(func(percent int) bool { return percent > usualPercent })
	large := make([]byte, 256<<20)
	follow(func(percent int) bool { return percent < usualPercent })
	runtime.KeepAlive(large)
	large = nil
	follow(func(percent int) bool { return percent > usualPercent })
	stop()
	require.Equal(t, usualPercent, setPercent())
	for range 3 {
		runtime.GC()
	}
	require.Equal(t, usualPercent, setPercent(), "it is not followed any more")
}

func TestCollectorPaceOfTheEnvironment(t *testing.T) {
	t.Setenv("GOGC", "50")
	before := setPercent()
	defer paceCollector()()
	runtime.GC()
	require.Equal(t, before, setPercent())
}
