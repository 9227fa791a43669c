package main

import (
	"cmp"
	"sync"
	"sync/atomic"
)

// parallelism is the number of workers of inParallel.
const parallelism = 64

// inParallel calls f for 0 to n-1, by workers from 0 to parallelism-1 at once. After
// an error it begins no more calls, and returns one of the errors.
func inParallel(n int, f func(worker, i int) error) error {
	var next atomic.Int64
	var workers sync.WaitGroup
	errs := make([]error, min(parallelism, n))
	for worker := range errs {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[worker] = f(worker, i); errs[worker] != nil {
					next.Store(int64(n))
					return
				}
			}
		})
	}
	workers.Wait()
	return cmp.Or(errs...)
}
