// Package changemodel explores the protocol by which the members of a cluster change
// (rule 12 of docs/PROTOCOL.md): all states that a small cluster can come to, of one
// change, one key, a few rounds, and perhaps a read. It is a model of the rule and not the
// code that serves.
//
//   - scope.go: the scope of an exploration;
//   - rule.go: the rules of the protocol, each of which can be left out;
//   - state.go: a state, as few words;
//   - quorum.go: which sets of nodes promise and choose;
//   - step.go: the steps of nodes from one state to the next;
//   - property.go: the properties of each state;
//   - explore.go: the exploration, breadth first.
//
// # The model
//
// The configuration and the key are registers with rounds of two phases, in the manner of
// Lamport's specification of Paxos: a proposer has no state of its own, so that it may crash
// or be replaced at any instant. It sends what the promises and acceptances of any quorum
// allow. A message is never forgotten, can be heard at any later time, again and
// in any order, or never: so messages are lost, delayed, duplicated and reordered. A node
// tells durable state alone, so a crash changes nothing that can be seen.
//
// A value of the key is the set of writes that it contains. The writes of a round are
// added to the value that the promises show, so each chosen value must contain all that
// were chosen before.
package changemodel
