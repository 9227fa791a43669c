// Package memo remembers results of functions, so that they are computed once for all
// worlds of a program.
//
// It is the one place in which worlds that run in parallel meet. No run can tell: the
// function must be pure, so a result is the same whoever computes it, and it must not
// be changed. Only the time that a run takes depends on which results are there.
package memo

import "sync"

// Table remembers the results of a function. Any number of goroutines may use it.
type Table[K comparable, V any] struct {
	compute func(K) V
	results sync.Map // K to V
}

// New returns an empty table of the results of compute, which must be a pure function.
// The table keeps one result for each argument, for ever: there must be few.
func New[K comparable, V any](compute func(K) V) *Table[K, V] {
	return &Table[K, V]{compute: compute}
}

// Get returns the result of the function for k. A call that panics is not remembered.
func (t *Table[K, V]) Get(k K) V {
	if v, ok := t.results.Load(k); ok {
		return v.(V)
	}
	v, _ := t.results.LoadOrStore(k, t.compute(k)) // two may compute it: they return the same
	return v.(V)
}
