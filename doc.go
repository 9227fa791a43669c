// Package lockstep is the root of a deterministic simulation and testing harness, and
// of a replicated state-machine service that it proves right. It holds no code, except
// for tests of the architecture, the glossary and the comments.
//
// Code under test is pure: events in, effects out. The harness runs it in a seeded
// simulator of network, disks and clocks, judges the histories of its clients, makes
// failing runs small, and repeats them. This is the map of its packages.
//
// # For those who bring a system
//
// docs/HARNESS.md is a tutorial of half an hour, docs/CONTRACT.md states what is asked
// of a system. From the command down to the parts of a process:
//
//   - [github.com/lockstep-dst/lockstep/scenarios/harness]: the command of a system,
//     and its tests: Main, Test, Fuzz.
//   - [github.com/lockstep-dst/lockstep/scenarios]: plans as data, their generator,
//     and System with all that it may implement.
//   - [github.com/lockstep-dst/lockstep/scenarios/workload]: operations and models of
//     registers, key-value stores, locks, counters, queues, sets and lists.
//   - [github.com/lockstep-dst/lockstep/scenarios/systemkit]: clients of plans, and an
//     oracle as a function over facts.
//   - [github.com/lockstep-dst/lockstep/scenarios/campaign]: many runs; shrinking,
//     necessity, artefacts.
//   - [github.com/lockstep-dst/lockstep/scenarios/play]: one run.
//   - [github.com/lockstep-dst/lockstep/scenarios/report]: a failure as data, as a
//     page and as pictures.
//   - [github.com/lockstep-dst/lockstep/scenarios/rapidplan]: plans drawn by rapid.
//   - [github.com/lockstep-dst/lockstep/sim]: the simulator of any Process.
//   - [github.com/lockstep-dst/lockstep/sim/disk]: simulated disks, their requests and
//     faults.
//   - [github.com/lockstep-dst/lockstep/sim/kit]: parts of processes: messages of
//     plain structs, timers, a log, a client, random numbers.
//   - [github.com/lockstep-dst/lockstep/sim/bubble]: ordinary Go code in the
//     simulator: goroutines, net/http, files.
//   - [github.com/lockstep-dst/lockstep/netmodel]: the model of links, as pure
//     verdicts on messages.
//   - [github.com/lockstep-dst/lockstep/netmodel/keyed]: random choices as hashes of
//     names.
//   - [github.com/lockstep-dst/lockstep/examples/kv]: the system of the tutorial.
//
// # For those who have histories
//
//   - [github.com/lockstep-dst/lockstep/checker]: linearizability of histories.
//   - [github.com/lockstep-dst/lockstep/checker/model]: the models of objects, and how
//     to make one.
//   - [github.com/lockstep-dst/lockstep/checker/history]: histories and their files.
//   - [github.com/lockstep-dst/lockstep/checker/jepsen]: histories of Jepsen.
//   - [github.com/lockstep-dst/lockstep/checker/etcd]: those of etcd's robustness tests.
//   - [github.com/lockstep-dst/lockstep/checker/guarantee]: watch streams, local
//     reads, exactly-once, convergence.
//
// # For users of the service
//
//   - [github.com/lockstep-dst/lockstep/cmd/lockstep]: nodes, clusters and their
//     clients, and the harness for the node.
//   - [github.com/lockstep-dst/lockstep/node/client]: the client in Go.
//   - [github.com/lockstep-dst/lockstep/node/op]: ids, outcomes and reasons of operations.
//   - [github.com/lockstep-dst/lockstep/node/fsm]: the definitions of machines.
//   - [github.com/lockstep-dst/lockstep/node/definition]: reads them from YAML and
//     JSON.
//
// # Inside
//
//   - [github.com/lockstep-dst/lockstep/node]: the core. It knows nothing of the
//     simulator.
//   - [github.com/lockstep-dst/lockstep/node/wal]: its log.
//   - [github.com/lockstep-dst/lockstep/node/member]: identity and membership.
//   - [github.com/lockstep-dst/lockstep/node/configuration]: the members of a cluster in
//     one epoch, and how they change.
//   - [github.com/lockstep-dst/lockstep/node/service]: a member with its clients.
//   - [github.com/lockstep-dst/lockstep/node/streamserver]: a node's side of one
//     client's stream, between its bytes and the service.
//   - [github.com/lockstep-dst/lockstep/node/access]: the rights of clients.
//   - [github.com/lockstep-dst/lockstep/node/watch]: streams of changes.
//   - [github.com/lockstep-dst/lockstep/node/backup]: backups, and clusters restored from
//     them.
//   - [github.com/lockstep-dst/lockstep/node/session]: the side of clients: attempts,
//     failover, outcomes.
//   - [github.com/lockstep-dst/lockstep/node/wire]
//     [github.com/lockstep-dst/lockstep/node/stream]
//     [github.com/lockstep-dst/lockstep/node/httpapi]: the formats between nodes, and
//     of clients.
//   - [github.com/lockstep-dst/lockstep/node/server]
//     [github.com/lockstep-dst/lockstep/node/tcp]
//     [github.com/lockstep-dst/lockstep/node/files]: the runtime: HTTP, connections
//     and files.
//   - [github.com/lockstep-dst/lockstep/node/certificate]
//     [github.com/lockstep-dst/lockstep/node/tlsfiles]: the owners of certificates, and
//     TLS by files that may change.
//   - [github.com/lockstep-dst/lockstep/scenarios/lockstep]: the node as a system
//     under test.
//   - [github.com/lockstep-dst/lockstep/scenarios/origin]: the protocol that this
//     project comes from, which fails.
//   - [github.com/lockstep-dst/lockstep/scenarios/canary]: a system that fails on
//     purpose.
//   - [github.com/lockstep-dst/lockstep/scenarios/internal/shrink]: makes a plan small, by any
//     judge.
//   - [github.com/lockstep-dst/lockstep/scenarios/harness/board]: the page of campaigns.
//   - [github.com/lockstep-dst/lockstep/cmd/lockstep-fleet]
//     [github.com/lockstep-dst/lockstep/scenarios/fleet]
//     [github.com/lockstep-dst/lockstep/scenarios/fleet/bisect]
//     [github.com/lockstep-dst/lockstep/scenarios/fleet/fleettest]
//     [github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue]
//     [github.com/lockstep-dst/lockstep/scenarios/fleet/steward]: one campaign on many
//     machines.
//   - [github.com/lockstep-dst/lockstep/scenarios/internal/pageparts]: what the pages of
//     failures and of campaigns share.
//   - [github.com/lockstep-dst/lockstep/scenarios/harness/cli]
//     [github.com/lockstep-dst/lockstep/scenarios/harness/check]: parts of commands.
//   - [github.com/lockstep-dst/lockstep/cmd/lockstep/internal/settings]: values of flags from
//     the environment and from files.
//   - [github.com/lockstep-dst/lockstep/cmd/mutants]
//     [github.com/lockstep-dst/lockstep/cmd/mutants/driver]: measure how soon
//     campaigns find known bugs in the node.
//   - [github.com/lockstep-dst/lockstep/node/internal/changemodel]: a model of how the
//     members of a cluster change, explored in full.
//   - [github.com/lockstep-dst/lockstep/docs]: the glossary, for the page of failures.
//   - [github.com/lockstep-dst/lockstep/node/arena]
//     [github.com/lockstep-dst/lockstep/node/hash64]
//     [github.com/lockstep-dst/lockstep/node/internal/clientlimit]
//     [github.com/lockstep-dst/lockstep/node/internal/connlimit]
//     [github.com/lockstep-dst/lockstep/node/internal/frame]
//     [github.com/lockstep-dst/lockstep/node/internal/invariant]
//     [github.com/lockstep-dst/lockstep/node/internal/tlv]
//     [github.com/lockstep-dst/lockstep/checker/jsonobject]
//     [github.com/lockstep-dst/lockstep/node/flock]
//     [github.com/lockstep-dst/lockstep/node/input]
//     [github.com/lockstep-dst/lockstep/node/printable]
//     [github.com/lockstep-dst/lockstep/sim/internal/memo]: leaves, which several packages
//     need.
//   - [github.com/lockstep-dst/lockstep/sim/fieldtest]
//     [github.com/lockstep-dst/lockstep/sim/golden]
//     [github.com/lockstep-dst/lockstep/node/internal/attacker]
//     [github.com/lockstep-dst/lockstep/node/internal/memnet]
//     [github.com/lockstep-dst/lockstep/node/internal/waltest]
//     [github.com/lockstep-dst/lockstep/node/tcp/tcptest]
//     [github.com/lockstep-dst/lockstep/node/tlsfiles/tlstest]
//     [github.com/lockstep-dst/lockstep/scenarios/internal/pageparts/pagetest]
//     [github.com/lockstep-dst/lockstep/node/files/internal/filestest]: parts of tests.
//
// docs/ARCHITECTURE.md gives the reasons for this division, and arch_test.go enforces
// it.
package lockstep
