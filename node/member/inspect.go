package member

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// LogInspection is the content of a member's log, as far as it can be read.
type LogInspection struct {
	*node.LogInspection
	Cluster  Cluster
	Lives    []Life // by boot; the last one has no end in the log
	Disputes []Dispute
	Peers    []PeerMemory
}

// PeerMemory is the memory of one peer in a log.
type PeerMemory struct {
	Peer   node.ID
	Memory Memory
}

// InspectLog reads as much of a member's log as it can, valid or not, and changes
// nothing. See [node.InspectLog].
func InspectLog(dir wal.Dir) (*LogInspection, error) {
	x, err := node.InspectLog(dir)
	if err != nil {
		return nil, err
	}
	i := &LogInspection{LogInspection: x}
	for _, n := range x.Notes {
		if err := i.decodeNote(n.Name, n.Data); err != nil {
			x.Unreadable = append(x.Unreadable, err)
		}
	}
	return i, nil
}

// decodeNote reads one note. Notes of later versions are ignored.
func (i *LogInspection) decodeNote(name string, data []byte) error {
	read := func(take func(byte, []byte) bool) error { return decodeNote(name, data, take) }
	switch peer, isPeer := strings.CutPrefix(name, peerNotePrefix); {
	case name == clusterNote:
		return read(i.Cluster.decodeField)
	case name == livesNote:
		return read(decodeItems(&i.Lives, func(l *Life) func(byte, []byte) bool { return l.decodeField }))
	case name == disputesNote:
		return read(decodeItems(&i.Disputes, func(d *Dispute) func(byte, []byte) bool { return d.decodeField }))
	case isPeer:
		id, err := strconv.ParseUint(peer, 10, 16)
		if err != nil {
			return fmt.Errorf("%w: note %q names no peer", node.ErrRecord, name)
		}
		i.Peers = append(i.Peers, PeerMemory{Peer: node.ID(id)})
		return read(i.Peers[len(i.Peers)-1].Memory.decodeField)
	}
	return nil
}
