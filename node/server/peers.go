package server

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// peersFile keeps the incarnations of the peers.
const peersFile = "peers.json"

// ErrAmnesia refuses a node whose log is not the one that its peers know.
var ErrAmnesia = errors.New("its directory was wiped or replaced, and with it promises that it made: " +
	"restore the directory, or let it come back as a new member")

// saysAmnesia reports whether a peer refuses this node for that; a peer's reason
// comes in words.
func saysAmnesia(err error) bool { return strings.Contains(err.Error(), ErrAmnesia.Error()) }

// acquaintances remembers which log each peer has. A peer that comes back with
// another one has lost its promises and must not speak under its old name
// (rule 11).
type acquaintances struct {
	dir   *files.Dir
	mu    sync.Mutex
	known map[node.ID]string // incarnations, in hexadecimal
}

func recallPeers(dir *files.Dir) (*acquaintances, error) {
	a := &acquaintances{dir: dir, known: map[node.ID]string{}}
	data, err := dir.Recall(peersFile)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &a.known); err != nil {
		return nil, fmt.Errorf("%s: %w: restore it, or remove it if no peer was ever wiped", peersFile, err)
	}
	return a, nil
}

// admit compares a peer's incarnation with the one that is remembered, durably
// since the first time.
func (a *acquaintances) admit(theirs wire.Hello) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := hex.EncodeToString(theirs.Incarnation[:])
	was, met := a.known[theirs.Node]
	if met && was != now {
		return fmt.Errorf("%w (node %d was incarnation %.8s, and comes as %.8s)", ErrAmnesia, theirs.Node, was, now)
	}
	if met {
		return nil
	}
	a.known[theirs.Node] = now
	data, err := json.Marshal(a.known)
	if err == nil {
		err = a.dir.Remember(peersFile, data)
	}
	if err != nil {
		delete(a.known, theirs.Node)
		return fmt.Errorf("cannot remember the incarnation of node %d: %w", theirs.Node, err)
	}
	return nil
}
