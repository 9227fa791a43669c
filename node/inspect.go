package node

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// LoggedMachine is what a log holds of a machine: what its acceptor has promised and
// accepted last, as far as records of it are found.
type LoggedMachine struct {
	Key      string
	Promised Ballot
	Accepted Ballot
	Value    *Value // accepted; nil if nothing is, or the record of it is not found
}

// Note is what a log holds for the node's owner under a name: see [Node.SetNote].
type Note struct {
	Name string
	Data []byte
}

// LogInspection is what a directory tells of a node.
type LogInspection struct {
	*wal.Inspection
	Machines   []LoggedMachine // in the order of their keys
	Notes      []Note          // in the order of their names
	Unreadable []error         // entries that check, and that this build cannot read: one for each
}

// InspectLog reads all that can be read of a node's log, sound or not, and changes
// nothing. Of a log that is refused what it tells may be old: newer entries may be
// those that are lost.
func InspectLog(dir wal.Dir) (*LogInspection, error) {
	cfg := Defaults()
	cfg.ID, cfg.Members = 1, []ID{1} // whose log it is does not matter to what is in it
	n, err := New(cfg)
	if err != nil {
		return nil, err
	}
	x := &LogInspection{}
	x.Inspection, err = wal.Inspect(dir, func(payload []byte, end wal.LSN) {
		if err := n.replay(payload, end); err != nil {
			x.Unreadable = append(x.Unreadable, err)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, m := range n.byIndex {
		if m != nil && !isLocalKey(m.key) {
			x.Machines = append(x.Machines, LoggedMachine{m.key, m.promised, m.accepted, m.value})
		}
	}
	for _, name := range n.Notes() {
		x.Notes = append(x.Notes, Note{name, n.Note(name)})
	}
	slices.SortFunc(x.Machines, func(a, b LoggedMachine) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return x, nil
}
