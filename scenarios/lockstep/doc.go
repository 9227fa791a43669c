// Package lockstep is the product's own node and client as a system under
// test: the very code that serves, between the simulator's network and disks,
// watched by invariants.
package lockstep
