// Package origin is the protocol that this project comes from, taken literally,
// as a system under test. It is what people write first, and it loses agreement.
//
// Every node holds a state per machine, in memory. A node that a client asks
// for a transition validates it against its own state and broadcasts a
// proposal; a peer validates it against its own state and answers with an
// acknowledgment or a reject; with a majority of acknowledgments, itself
// included, the proposer applies the transition and broadcasts a commit; all
// apply on commit. A message between nodes is sent again, some times, until
// its receipt comes back; a consensus timeout ends a proposal.
//
// There are no ballots, no versions and no disk, and a message that arrives
// twice is taken twice. A read answers with the node's own state.
package origin
