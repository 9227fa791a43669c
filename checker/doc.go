// Package checker judges histories: what the clients of a replicated state
// machine service asked, when, and what they were told.
//
// A history is right if it is linearizable (Herlihy and Wing, "Linearizability:
// A Correctness Condition for Concurrent Objects", 1990): every operation can
// be given one instant between its call and its return such that, taken in
// that order, each does to its machine just what its client was told. Machines
// are independent, and linearizability is local, so each is judged alone.
//
// Intervals are closed: an operation that returns at the very instant another
// is called counts as concurrent with it. A recorder that knows the order of
// the two should give them different instants, or the check is weaker than it
// could be.
//
// Check gives the verdict; for a violation it also says which operation's
// return completes the contradiction. Read and Write keep a history in a file,
// whose format is docs/HISTORY.md.
package checker
