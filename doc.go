// Package lockstep is the root of a replicated state-machine service and of
// the deterministic simulation harness that tests it.
//
// Named finite state machines are kept identical on a few nodes: a node
// proposes a transition, its peers acknowledge or reject it, a majority
// commits it and all apply it. Node code is pure (events in, effects out), so
// the very same code runs inside the simulator and over TCP with files.
//
// There is no code here. README.md shows the data flow, and these are the parts:
//
//   - netmodel: the fault model of links, as pure verdicts on messages.
//   - sim: a simulator of any Process: virtual time, network, disks, power losses.
//   - scenarios: plans as data, generated from a seed; campaign runs them.
//   - checker: histories and the linearizability checker; guarantee checks watch
//     streams, local reads, exactly-once and convergence.
//   - node: the product, which knows nothing of the simulator; server runs it.
//   - cmd/lockstep: the command. cmd/mutants puts known bugs into the node.
//
// docs/ARCHITECTURE.md says why it is cut this way, and arch_test.go holds it
// to that.
package lockstep
