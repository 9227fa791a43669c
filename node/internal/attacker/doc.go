// Package attacker attacks nodes by their peers' port, for tests: it speaks the protocol
// and lies.
//
//   - caller.go: a stranger's connection, in any member's name;
//   - liar.go: messages of all kinds, well-typed, in which nothing need be true.
package attacker
