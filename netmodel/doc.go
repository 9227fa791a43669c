// Package netmodel is the fault vocabulary of links and a pure judge of
// messages: deliver then, drop, or deliver twice.
//
// A Network holds what a verdict depends on besides the message itself: a
// Profile for each directed Link, cuts, overrides, the latest arrival, and how
// often each message has been seen. Judge looks the rest up by hashing (seed,
// link, fate key, occurrence, purpose). Nothing is drawn in sequence, so one
// message more or less, or one probability changed, leaves the choices about
// all others as they were.
//
// Times are virtual, arithmetic is in integers, and a Network belongs to one
// goroutine.
package netmodel
