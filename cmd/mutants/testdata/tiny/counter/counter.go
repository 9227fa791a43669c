// Package counter is code to plant mutants in.
package counter

import "fmt"

const limit = 100

// Counter counts to a limit.
type Counter struct{ n int }

// Add adds to the counter, and returns the sum.
func (c *Counter) Add(amounts ...int) int {
	for _, a := range amounts {
		c.n = min(c.n+a, limit)
	}
	return c.n
}

// Sum is the sum of a list.
func Sum[T int | uint64](list ...T) (sum T) {
	for _, t := range list {
		sum += t
	}
	return sum
}

// Second is the second of three.
func Second(_ uint64, second uint64, _ uint64) uint64 { return second }

// Reset has a receiver and a parameter without names.
func (*Counter) Reset(int) error { return nil }

// Guarded returns what do panics with.
func Guarded(do func()) (err error) {
	defer func() { err = asError(err, recover()) }()
	do()
	return nil
}

func asError(err error, panicked any) error {
	if panicked != nil {
		err = fmt.Errorf("%v", panicked)
	}
	return err
}

// Unused is called by tests alone.
func Unused() bool { return true }
