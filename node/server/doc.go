// Package server is the real runtime of a member: one goroutine feeds it events from
// the network, the disk, the clock and clients, and carries out its effects. Around
// that loop the package serves clients over HTTP: operations, local reads, watches,
// listings, status and metrics.
//
// Consensus and membership are decided in the core alone (packages node and member),
// which is the code that the simulator runs. The server itself bounds the resources
// of clients, rejects requests at an abstaining or stopping node, and maps outcomes
// to HTTP.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package server
