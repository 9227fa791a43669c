package member

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// LogInspection is the content of a member's log, as far as it can be read.
type LogInspection struct {
	*node.LogInspection
	OwnNotes
	Peers         []PeerMemory
	Configuration *configuration.Configuration // the last one; nil: the members are those that formed the cluster
	Left          bool                         // the node was removed, and ends at each start
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
	if decode := i.decoder(name); decode != nil {
		return decodeNote(name, data, decode)
	}
	if name == configurationNote {
		c, err := configuration.Parse(string(data))
		if err != nil {
			return fmt.Errorf("%w: note %q: %w", node.ErrRecord, name, err)
		}
		i.Configuration = c
		return nil
	}
	if name == leftNote {
		i.Left = true
		return nil
	}
	peer, isPeer := strings.CutPrefix(name, peerNotePrefix)
	if !isPeer {
		return nil
	}
	id, err := strconv.ParseUint(peer, 10, 16)
	if err != nil {
		return fmt.Errorf("%w: note %q names no peer", node.ErrRecord, name)
	}
	i.Peers = append(i.Peers, PeerMemory{Peer: node.ID(id)})
	return decodeNote(name, data, i.Peers[len(i.Peers)-1].Memory.decodeField)
}
