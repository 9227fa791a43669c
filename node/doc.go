// Package node implements a cluster member that keeps named state machines
// identical on a few members. A Node is a deterministic state machine: Step takes
// events and returns effects. The package has no clock, goroutine, I/O or lock, so
// the simulator runs the same code that serves.
//
// Each machine is a register, replicated on all members by CASPaxos (Rystsov,
// "CASPaxos: Replicated State Machines without logs", 2018). There are four
// messages: a Proposal prepares a ballot or requests to accept a value, an
// Acknowledgment or a Reject responds to it, and a Commit announces the chosen
// value. Every node is proposer, acceptor and learner of every machine. There is
// no leader. docs/PROTOCOL.md gives the rules and the argument for each.
//
// Files, with the rules of docs/PROTOCOL.md:
//
//   - acceptor.go keeps promises (rules 1 and 5);
//   - proposer.go and apply.go run rounds (rules 2, 3, 4, 6, 7 and 9);
//   - forward.go forwards operations to the proposer at work on their machine,
//     backoff.go waits for a turn, answer_waiting.go looks up waiting operations in
//     the values that others have chosen (rules 7 and 9);
//   - quorum_read.go serves reads in one round trip, fresh.go answers from the initial
//     state of machines that nobody has accepted a value of (rule 8);
//   - repair*.go and digest.go repair a lagging node (rule 10), definitions.go looks up
//     the definitions that users create; access.go is what these two may do to the node;
//   - machine.go holds a node's state of one machine, value.go its values;
//   - message.go and ballot.go define messages and their parts, operation.go names those
//     of package op;
//   - record.go and compact.go keep the state in the log and the log short; note.go
//     keeps the records of the node's owner in it, sync_mark.go keeps its
//     high-water mark up to date at rest;
//   - node.go is Step, and holds each message until it may be sent (rule 5);
//   - observation.go, coverage_marks.go, inspect.go and dump.go serve tests,
//     simulators and tools.
//
// Subpackages:
//
//   - op has what clients and nodes say of operations: requests, ids, replies;
//   - fsm defines machines, definition reads definitions from YAML and JSON;
//   - wal is the durable log, files the disk below it;
//   - member admits peers and detects lost logs;
//   - wire encodes messages, tcp carries them;
//   - session is the client's side of the protocol, client the Go client;
//   - service is a member with its clients, watch the events of their streams;
//   - httpapi has the JSON that clients and servers exchange;
//   - server runs a node and serves HTTP.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package node
