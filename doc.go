// Package lockstep is the root of a replicated state-machine service and of the
// deterministic simulator that tests it. It holds no code, except for tests of the
// architecture, the glossary and the comments.
//
// The service keeps named finite state machines identical on a few nodes: a node
// proposes a transition, a majority of the nodes accepts it, and all nodes apply it.
// Node code is pure (events in, effects out). The same code runs in the simulator
// and as a process, with TCP and files.
//
// README.md shows the data flow. The parts are:
//
//   - netmodel: the fault model of links, as pure verdicts on messages.
//   - sim: a simulator of any Process: virtual time, network, disks, power losses.
//     disk is the simulated disk.
//     kit has parts of which a process is made in few lines.
//     bubble runs ordinary Go code in it: goroutines, net/http, files.
//   - scenarios: plans as data, generated from a seed, and the systems under test.
//     play runs one plan, campaign thousands; shrink makes a failing plan small.
//     systemkit makes clients and oracles of a system of the parts of kit.
//     workload has workloads of common objects.
//   - checker: the check of linearizability. model describes the objects, history
//     has the histories and their files, and jepsen reads those of Jepsen.
//     guarantee checks watch streams,
//     local reads, exactly-once and convergence.
//   - node: the core, which knows nothing of the simulator. member adds identity
//     and membership. server is the real runtime of a member, on tcp and files.
//     session and client are the side of clients.
//   - scenarios/harness: the command and the tests of any system: harness.Main,
//     harness.Test and harness.Fuzz.
//   - cmd/lockstep: that command for the node, with commands for nodes and clients.
//   - examples/etcdraft: etcd's raft as a system under test, a module of its own.
//   - cmd/mutants: measures how soon campaigns find known bugs in the node.
//
// docs/ARCHITECTURE.md gives the reasons for this division, and arch_test.go
// enforces it.
package lockstep
