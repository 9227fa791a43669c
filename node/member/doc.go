// Package member decides which members of a cluster a node accepts messages from,
// and whether the node may take part itself (rule 11 of docs/PROTOCOL.md). A
// Member wraps a node and is pure like it: events in, effects out.
//
//	m, err := member.New(cfg)
//	effects, err := m.StepAll(now, events) // in the place of node.Node's
//
// A node that has lost promises must not act under its old identity: its disk was
// wiped, or its directory was replaced by an older copy. The node itself cannot
// detect this, but others can. So members introduce themselves to each other
// before anything else. An introduction shows the lives of the sender's log, and
// the receiver remembers them durably.
//
//   - memory.go: a member's memory of another's log, and its comparison with
//     that log;
//   - introduction.go: the message;
//   - cluster.go, formation.go: the cluster's record, and how a cluster is formed,
//     once;
//   - origin.go: members that were restored from a backup;
//   - meeting.go: members of which a node learns while it waits to be added;
//   - guide.go: members that have come while a node was away, and all others have gone;
//   - admission.go: introductions are received, judged and answered;
//   - other_log.go: another log in a peer's name, wiped or a stranger's, is refused;
//   - removal.go: a node that was removed while it was away learns it from refusals;
//   - dispute.go: a node whose log is disputed abstains;
//   - notes.go, note_fields.go: notes in the node's log, and their encoding;
//   - member.go, config.go: the Member, between its environment and the node;
//   - status.go, inspect.go: its state, and that of a log, for people and tools;
//   - notice.go: notices for the operator;
//   - observation.go, coverage_mark.go: its observations and coverage marks.
//
// # When a memory is durable
//
// A member's incarnation, boot and life are remembered durably before any other
// message of that life is accepted. The position of its log, which acknowledgments
// and read reports carry, is written when it has grown by RememberBytes, or
// RememberDelay later. So a memory may lag by that much when its owner crashes.
// That loses the proof against copies that are as recent, and nothing else.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package member
