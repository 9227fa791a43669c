// Package node is the product: a node that keeps named state machines identical
// on a few members, as a pure state machine. Events go in by Step, effects come
// out; there is no clock, goroutine, I/O or lock in here, so the code that is
// simulated is the code that serves.
//
// Each machine is a register, replicated on all members by CASPaxos (Rystsov,
// "CASPaxos: Replicated State Machines without logs", 2018), said in four
// messages: a Proposal prepares a ballot or asks to accept a value, an
// Acknowledgment or a Reject answers it, and a Commit tells what was chosen.
// Every node is proposer, acceptor and learner of every machine. There is no
// leader. docs/PROTOCOL.md gives the rules and the argument for each.
//
//   - acceptor.go keeps promises (rules 1 and 5);
//   - proposer.go and apply.go run rounds (rules 2, 3, 4, 6, 7, 9);
//   - handover.go leaves operations to who is at work on their machine, turn.go waits for
//     a turn, attend.go looks for what waits in what others have chosen (rules 7 and 9);
//   - reader.go answers reads in one round trip (rule 8);
//   - machine.go is what a node knows of one machine;
//   - record.go and compact.go keep it on disk, and the disk small;
//   - node.go joins them to the log and decides what may be said when.
//
// What the subpackages are for: fsm defines machines, wal is the durable log,
// session is the client's side, wire turns messages into bytes.
package node
