// Package netmodel models the faults of links. It decides the fate of each
// message: its time of arrival, a duplicate, a loss, or the end of its
// connection.
//
// A Network holds the state of all links: a Profile for each directed Link, cuts,
// clogs, refusals, connections, overrides, the latest arrival, and how often each
// message has been seen. Judge takes all random choices by hashing (seed, link,
// fate key, occurrence, purpose), and windows of bursts by (seed, link, time).
// Nothing is drawn in sequence, so one message more or less, or one probability
// changed, leaves the choices about all others as they were.
//
// Times are virtual and arithmetic is in integers. A Network is not safe for
// concurrent use.
package netmodel
