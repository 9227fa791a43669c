// Package arena provides an allocator that costs one allocation for many values.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package arena

// Arena is an allocator of values of one type that are never given back: a block of
// them is garbage when none of it is used any more. So blocks are small where values
// live shortly. The zero Arena is empty.
type Arena[T any] struct{ free []T }

// Make returns a new zero value, from a block of size values.
func (a *Arena[T]) Make(size int) *T {
	if len(a.free) == 0 {
		a.free = make([]T, size)
	}
	x := &a.free[0]
	a.free = a.free[1:]
	return x
}
