// Package server is the real runtime of a node: one goroutine that feeds the
// core with what arrives from the network, the disk, the clock and clients, and
// does what the core asks for. It decides nothing: the core that runs here is
// the one that was simulated.
package server
