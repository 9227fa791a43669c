// Package lockstep is the root of a replicated state-machine service and of
// the deterministic simulation harness that tests it.
//
// Named finite state machines are kept identical on a few nodes: a node
// proposes a transition, its peers acknowledge or reject it, a majority
// commits it and all apply it. Node code is pure (events in, effects out), so
// the very same code runs inside the simulator and, later, over TCP with files.
//
// There is no code here; read the tree from the left of the data flow to the
// right:
//
//		seed ─▶ scenarios ─▶ Plan ─▶ sim (netmodel, disk, clocks) ─▶ History + facts + hash ─▶ checker ─▶ Verdict
//
//	  - netmodel: the fault vocabulary of links and pure verdicts on messages.
//	  - sim: a simulator of any Process: virtual time, network, disk, crashes.
//	  - scenarios: plans as data, generated from a seed; campaign runs them.
//	  - checker: histories, and the judge of linearizability.
//	  - node: the product's own parts, which know nothing of the simulator.
//	  - cmd/lockstep: the command.
//
// docs/ARCHITECTURE.md says why it is cut this way, and arch_test.go holds it
// to that.
package lockstep
