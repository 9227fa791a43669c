// Package checker decides whether the history of a service is linearizable: of
// replicated state machines, registers, locks, queues, or objects of a Model of
// one's own. A history lists the operations of clients with their times and
// responses.
//
// Linearizability (Herlihy and Wing, "Linearizability: A Correctness Condition
// for Concurrent Objects", 1990): every operation can be given one instant
// between its call and its return so that the operations, taken in that order,
// give exactly the responses that the clients received. Machines are
// independent, and linearizability is local, so each machine is checked alone.
//
// Intervals are closed: an operation that returns at the instant at which
// another is called counts as concurrent with it. A recorder that knows the
// order of the two should give them different instants, or the check is weaker
// than it could be.
//
// Check gives the verdict on a whole history, Stream on one that still grows.
// For a violation the result names the culprit, the operation whose return
// completes the contradiction. Timeline and LastOrder show it. Package history
// has the types of histories and keeps them in files, package model the models of
// objects. docs/JUDGE.md describes the algorithms.
package checker
