// Package lockstep is Lockstep's own nodes and clients as a system under test. The
// product's code runs unchanged: node/member, with node in it, and node/session.
// The code around it, node/server, node/tcp, node/files and node/client, is replaced
// by process.go and the simulator's clock, network and disks. runtime_test.go tests
// that both runtimes keep the guarantees that the core relies on. An oracle checks
// the observations of every step.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package lockstep
