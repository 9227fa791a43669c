// Package origin is the protocol that this project comes from, implemented
// literally, as a system under test. It is a typical first design, and it loses
// agreement.
//
// Every node holds a state per machine, in memory. A node that receives a client's
// request for a transition validates it against its own state and broadcasts a
// proposal. A peer validates it against its own state and answers with an
// acknowledgment or a reject. With a majority of acknowledgments, itself included,
// the proposer applies the transition and broadcasts a commit; all apply on commit.
// A message between nodes is sent again, a limited number of times, until its
// receipt comes back. A consensus timeout ends a proposal.
//
// There are no ballots, no versions and no disk, and a message that arrives twice
// is processed twice. A read returns the node's own state.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package origin
