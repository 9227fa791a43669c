// Package service is a member together with the clients that it serves: one pure
// state machine without I/O, in which everything is decided that the server of a
// node decides. It admits requests and keeps them until the member is ready, gives
// each its outcome when the member answers, stops or is full, keeps the timers, and
// maintains the index of machines from which listings and watches are served.
//
// The server runs a Service with sockets and files, and the simulator runs the same
// Service with simulated ones. Events go in, effects come out; between two steps
// nothing happens.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package service
