package node

import (
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// A note is a record that the log keeps for the node's owner under a name, such
// as what it remembers of its peers: the last one written counts. Notes are
// compacted with the log and are part of no register.

// notePrefix begins the keys under which notes are stored. They are pinned, so no
// message reaches them.
const notePrefix = localPrefix + "!"

func isNoteKey(key string) bool { return strings.HasPrefix(key, notePrefix) }

// Note is what was last written under a name, durable or not; nil if nothing
// was. It is read-only.
func (n *Node) Note(name string) []byte {
	m := n.machines[notePrefix+name]
	if m == nil || m.value == nil {
		return nil
	}
	return []byte(m.value.State)
}

// Notes lists the names that have notes, in order.
func (n *Node) Notes() (names []string) {
	for _, m := range n.byIndex {
		if m != nil && isNoteKey(m.key) {
			names = append(names, strings.TrimPrefix(m.key, notePrefix))
		}
	}
	slices.Sort(names)
	return names
}

// SetNote appends a note to the log and returns the position up to which the log
// must be durable for it to be. The node must have booted. The request to the disk
// is in the effects of the next step, or of Flush.
func (n *Node) SetNote(name string, data []byte) wal.LSN {
	m := n.machines[notePrefix+name]
	if m == nil {
		m = n.createMachine(notePrefix+name, nil)
	}
	m.accepted = Ballot{Round: 1, Boot: n.boot, Epoch: firstEpoch, Node: n.cfg.ID}
	m.promised = m.accepted
	text := string(data)
	m.value = &Value{State: text, StateBefore: text}
	n.persist(m, true)
	return m.durableAt
}

// Flush adds to the effects of the last step the disk requests of what was
// appended since.
func (n *Node) Flush() {
	if n.log != nil && n.err == nil {
		n.out.Disk = n.log.Take(n.out.Disk)
	}
}

// End is the position after everything that was appended to the log.
func (n *Node) End() wal.LSN {
	if n.log == nil {
		return 0
	}
	return n.log.End()
}

// Durable is the position up to which the log is durable, as of the last step.
func (n *Node) Durable() wal.LSN { return n.durable }

// BootEnd is the position at which an earlier life left the log: where the next one,
// whether or not it came to anything, began. It is known of a life that has
// written a note which still is the last of its name.
func (n *Node) BootEnd(boot uint64) wal.LSN {
	for _, s := range n.starts {
		if s.Boot > boot {
			return s.At
		}
	}
	return n.recovered
}

// IsEmpty reports whether the log holds nothing that any acceptor has done: no
// promise, no value and no definition.
func (n *Node) IsEmpty() bool {
	for _, m := range n.byIndex {
		if m != nil && !isNoteKey(m.key) {
			return false
		}
	}
	return true
}
