// Package member decides which members of a cluster a node hears, and whether it
// may take part itself (rule 11 of docs/PROTOCOL.md). It is pure, like the node
// that it wraps: events in, effects out.
//
//	m, err := member.New(cfg)
//	effects, err := m.StepAll(now, events) // in the place of node.Node's
//
// A node that has lost promises must not speak under its old identity: its disk
// was wiped, or an older copy of its directory was put in place. The node itself
// cannot tell, but others can. So members introduce themselves to each other
// before anything else, with what their logs say about their own lives, and
// remember durably what they were told.
//
//   - memory.go: what a member remembers of another's log, and what that holds
//     against it;
//   - introduction.go: the message;
//   - cluster.go, form.go: how a cluster comes to be, once;
//   - meet.go: introductions are heard, judged and answered;
//   - dispute.go: a node that is told of its own amnesia abstains;
//   - record.go: notes in the node's log;
//   - member.go: the way in, and what passes to the node and from it.
//
// # What is remembered when
//
// A member's incarnation, boot and life are remembered durably before anything
// that it says in that life counts here. The position of its log, which
// acknowledgments and read reports carry, is written with the next RememberBytes
// of it, or RememberDelay later. So a memory may be behind by that much when the
// member that has it crashes; what is lost then is a proof against copies that
// are that recent, and nothing else.
package member
