package memo_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-dst/lockstep/sim/internal/memo"
	"github.com/stretchr/testify/require"
)

func TestAResultIsComputedOnce(t *testing.T) {
	calls := 0
	upper := memo.New(func(s string) *string { calls++; u := strings.ToUpper(s); return &u })
	first := upper.Get("a")
	require.Equal(t, "A", *first)
	require.Same(t, first, upper.Get("a"))
	require.Equal(t, "B", *upper.Get("b"))
	require.Equal(t, 2, calls)
}

// Goroutines that compute a result at the same time all get the one that is kept.
func TestAllCallersGetTheSameResult(t *testing.T) {
	fresh := memo.New(func(n int) *int { return &n })
	var all [8]*int
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { all[i] = fresh.Get(7) })
	}
	wg.Wait()
	for _, p := range all {
		require.Same(t, all[0], p)
	}
}

func TestAPanicIsNotRemembered(t *testing.T) {
	odd := memo.New(func(n int) int {
		if n%2 == 0 {
			panic("even")
		}
		return n
	})
	for range 2 {
		require.PanicsWithValue(t, "even", func() { odd.Get(2) })
	}
	require.Equal(t, 3, odd.Get(3))
}
