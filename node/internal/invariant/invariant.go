// Package invariant checks invariants of the node's own state, in production too.
//
// A broken invariant is a bug of this program, or memory that has failed. To go on
// could break a promise that is durable; to stop loses none. So Check panics, and the
// process ends as in a crash: its log tells the next life what it promised.
//
// Input is no invariant. Messages of peers and clients, and bytes on disk, are
// validated and refused with an error. No message may make a check fail.
package invariant

// Check panics if an invariant does not hold. The text states the invariant, as in
// "node: a promise is not below the accepted ballot".
func Check(holds bool, text string) {
	if !holds {
		broken(text)
	}
}

// broken is apart, so that Check is inlined.
//
//go:noinline
func broken(text string) { panic("broken invariant: " + text) }
