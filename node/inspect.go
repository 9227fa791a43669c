package node

import (
	"errors"
	"slices"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// LoggedMachine is the last state of a machine's acceptor in a log, as far as its
// records are found.
type LoggedMachine struct {
	Key      string
	Promised Ballot
	Accepted Ballot
	Value    *Value // accepted; nil if none is, or its record is not found
}

// Note is data that a log keeps under a name for the node's owner: see [Node.SetNote].
type Note struct {
	Name string
	Data []byte
}

// LogInspection is the content of a node's log.
type LogInspection struct {
	*wal.Inspection
	Machines   []LoggedMachine // in the order of their keys
	Notes      []Note          // in the order of their names
	Unreadable []error         // for each record with a valid checksum that this build cannot read, and once for each machine of which a record is lost that others go on from
}

// InspectLog reads as much as possible of a node's log, sound or not. It changes
// nothing. If recovery would refuse the log, the result may be out of date: the lost
// records may be newer.
func InspectLog(dir wal.Dir) (*LogInspection, error) {
	cfg := Defaults()
	cfg.ID, cfg.Members = 1, []ID{1} // any id will do: the content does not depend on it
	n, err := New(cfg)
	if err != nil {
		return nil, err
	}
	x := &LogInspection{}
	lost := map[string]bool{} // machines, by their errors
	x.Inspection, err = wal.Inspect(dir, func(payload []byte, end wal.LSN) {
		err := n.replay(payload, end)
		if err == nil || errors.Is(err, errBaseLost) && lost[err.Error()] {
			return
		}
		lost[err.Error()] = true
		x.Unreadable = append(x.Unreadable, err)
	})
	if err != nil {
		return nil, err
	}
	for _, m := range n.byIndex {
		if m != nil && !isLocalKey(m.key) {
			value, _, _ := m.held()
			x.Machines = append(x.Machines, LoggedMachine{m.key, m.promised, m.accepted, value})
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
