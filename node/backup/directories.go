package backup

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/member"
)

// ErrDirectories is wrapped by errors about directories that a backup cannot be made of.
var ErrDirectories = errors.New("no backup can be made of these directories")

// Directories is the content of stopped nodes' directories, of one cluster.
type Directories struct {
	Header   Header // Source is Majority or Minority
	machines map[string]accepted
}

// accepted is the value that a machine has accepted last, at any of the nodes.
type accepted struct {
	ballot node.Ballot
	value  *node.Value
}

// ReadDirectories reads the directories of stopped nodes of one cluster. Of each machine it
// takes the value that was accepted at the highest ballot, as a round does: with a
// majority of the members that is the chosen one, or one that goes on from it. It keeps
// all machines in memory, as a node does.
func ReadDirectories(paths []string, now time.Time) (*Directories, error) {
	d := &Directories{machines: map[string]accepted{}}
	var seen []uint16
	var cluster member.Cluster
	var members *configuration.Configuration // the latest; nil: those that formed the cluster
	for _, path := range paths {
		x, err := readDirectory(path)
		if err != nil {
			return nil, err
		}
		id := x.Identity.Node
		switch name := hex.EncodeToString(x.Identity.Cluster[:]); {
		case x.Cluster.Stage != member.Formed:
			return nil, fmt.Errorf("%w: %s: the node's cluster is not formed", ErrDirectories, path)
		case len(seen) > 0 && (x.Cluster.ID != cluster.ID || name != d.Header.ClusterName):
			return nil, fmt.Errorf("%w: %s: it is of another cluster than %s", ErrDirectories, path, paths[0])
		case slices.Contains(seen, id):
			return nil, fmt.Errorf("%w: %s: node %d is there twice", ErrDirectories, path, id)
		default:
			d.Header.ClusterName = name
		}
		cluster, seen = x.Cluster, append(seen, id)
		if c := x.Configuration; c != nil && (members == nil || c.Epoch > members.Epoch) {
			members = c
		}
		if d.Header.FirstSerial, err = firstSerial(x); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, m := range x.Machines {
			if m.Key == configuration.Key { // a restored cluster has members of its own
				continue
			}
			if a := d.machines[m.Key]; m.Value != nil && a.ballot.Less(m.Accepted) {
				d.machines[m.Key] = accepted{m.Accepted, m.Value}
			}
		}
	}
	d.Header.Formed, d.Header.Taken, d.Header.Source = hex.EncodeToString(cluster.ID[:]), now, Minority
	var founders []node.ID
	for _, m := range cluster.Members {
		founders = append(founders, m.ID)
	}
	ids, voters := founders, [][]node.ID{founders}
	if members != nil {
		ids, voters = members.IDs(), [][]node.ID{members.Voters}
		if members.Joint() {
			voters = append(voters, members.Next)
		}
	}
	for _, id := range ids {
		d.Header.Members = append(d.Header.Members, uint16(id))
	}
	if !slices.ContainsFunc(voters, func(of []node.ID) bool { return !isMajority(seen, of) }) {
		d.Header.Source = Majority
	}
	return d, nil
}

// isMajority reports whether a majority of some nodes was seen.
func isMajority(seen []uint16, of []node.ID) bool {
	n := 0
	for _, id := range of {
		if slices.Contains(seen, uint16(id)) {
			n++
		}
	}
	return n > len(of)/2
}

// readDirectory reads the log in a directory, which no node uses meanwhile.
func readDirectory(path string) (*member.LogInspection, error) {
	lock, err := files.OpenExisting(path)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	x, err := member.InspectLog(lock)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case x.Refused != nil:
		return nil, fmt.Errorf("%w: %s: a node refuses this log: %w", ErrDirectories, path, x.Refused)
	case len(x.Unreadable) > 0:
		return nil, fmt.Errorf("%w: %s: %w", ErrDirectories, path, x.Unreadable[0])
	case len(x.Disputes) > 0:
		return nil, fmt.Errorf("%w: %s: the log has lost promises, as node %d remembers", ErrDirectories, path, x.Disputes[0].By)
	}
	return x, nil
}

// firstSerial is the serial from which a log's cluster counts.
func firstSerial(x *member.LogInspection) (uint64, error) {
	o, err := node.OriginIn(x.LogInspection)
	if o == nil {
		return 0, err
	}
	return o.FirstSerial, err
}

// Write writes all machines.
func (d *Directories) Write(w *Writer) error {
	for _, key := range slices.Sorted(maps.Keys(d.machines)) {
		v := d.machines[key].value
		name, _, _ := strings.Cut(key, "/")
		if held, ok := strings.CutPrefix(key, fsm.MetaName+"/"); ok && w.Knows(held) {
			continue // it came with its first machine
		}
		if meta := fsm.MetaName + "/" + name; !w.Knows(name) {
			held, found := d.machines[meta]
			if !found || !holdsDefinition(meta, held.value) {
				return fmt.Errorf("%w: %s: the definition of its machine is not in these directories: it is configured, or a directory of another member has it", ErrDirectories, key)
			}
			if err := w.Add(meta, held.value); err != nil {
				return err
			}
		}
		if v.Serial == d.Header.FirstSerial {
			continue // a round without operations: no entry
		}
		if err := w.Add(key, v); err != nil {
			return err
		}
	}
	return nil
}
