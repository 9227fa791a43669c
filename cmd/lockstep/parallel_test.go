package main

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInParallel(t *testing.T) {
	calls := make([]atomic.Int32, 1000)
	require.NoError(t, inParallel(len(calls), func(worker, i int) error {
		if worker < 0 || worker >= parallelism {
			return errors.New("no such worker")
		}
		calls[i].Add(1)
		return nil
	}))
	for i := range calls {
		require.Equal(t, int32(1), calls[i].Load(), "call %d", i)
	}
	require.NoError(t, inParallel(0, func(int, int) error { return errors.New("nothing to do") }))

	var n atomic.Int32
	err := inParallel(1_000_000, func(int, int) error { n.Add(1); return errors.New("full") })
	require.ErrorContains(t, err, "full")
	require.LessOrEqual(t, n.Load(), int32(parallelism), "each worker ends with its error")
}
