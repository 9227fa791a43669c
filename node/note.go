package node

import (
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// A note is data that the log keeps for the node's owner under a name, for example
// its memories of peers. The last one written counts. Notes are compacted with the
// log and belong to no replicated machine.

// notePrefix is the prefix of the keys of notes. These keys are local, so no message
// reaches them.
const notePrefix = localPrefix + "!"

func isNoteKey(key string) bool { return strings.HasPrefix(key, notePrefix) }

// Note returns the last note written under a name, durable or not; nil if there is
// none.
func (n *Node) Note(name string) []byte {
	m := n.machines.get(notePrefix + name)
	if m == nil || m.value == nil {
		return nil
	}
	return []byte(m.value.State)
}

// Notes returns the names of all notes, sorted.
func (n *Node) Notes() (names []string) {
	for _, m := range n.byIndex {
		if m != nil && isNoteKey(m.key) {
			names = append(names, strings.TrimPrefix(m.key, notePrefix))
		}
	}
	slices.Sort(names)
	return names
}

// SetNote appends a note to the log. The note is durable once the log is durable up
// to the returned position. The node must have booted. The disk request is in the
// effects of the next step, or of Flush.
func (n *Node) SetNote(name string, data []byte) wal.LSN {
	m := n.machines.get(notePrefix + name)
	if m == nil {
		m = n.createMachine(notePrefix+name, nil)
	}
	m.accepted = Ballot{Round: 1, Boot: n.boot, Epoch: n.epoch, Node: n.cfg.ID}
	m.promised = m.accepted
	text := string(data)
	m.value = &Value{State: text, StateBefore: text}
	n.persist(m)
	return m.durableAt
}

// Flush adds the disk requests of records that were appended since the last step to
// the effects of that step.
func (n *Node) Flush() {
	if n.log != nil && n.err == nil {
		n.out.Disk = n.log.Take(n.out.Disk)
	}
}

// End is the position after the last record appended to the log.
func (n *Node) End() wal.LSN {
	if n.log == nil {
		return 0
	}
	return n.log.End()
}

// Durable is the position up to which the log is durable, as of the last step.
func (n *Node) Durable() wal.LSN { return n.durable }

// BootEnd is the position at which the log of an earlier life ends: where the next
// life began, even one that never became ready. It is known for a life that wrote a
// note which is still the last of its name.
func (n *Node) BootEnd(boot uint64) wal.LSN {
	for _, s := range n.starts {
		if s.Boot > boot {
			return s.At
		}
	}
	return n.recovered
}

// IsEmpty reports whether the log holds no promise, no value and no definition. Notes
// do not count.
func (n *Node) IsEmpty() bool {
	for _, m := range n.byIndex {
		if m != nil && !isNoteKey(m.key) {
			return false
		}
	}
	return true
}
