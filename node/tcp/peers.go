package tcp

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// peerTable has the peers of a transport at a time. It is immutable: the peers change by
// another table.
type peerTable struct {
	byID   map[node.ID]*peer // with former ones, in their time of grace
	lastID node.ID           // ids up to it that have no peer were members
}

// peer returns the state of a peer; nil: there is none.
func (t *Transport) peer(id node.ID) *peer { return t.peers.Load().byID[id] }

// waits reports whether this node is still to be added.
func (t *Transport) waits() bool { return t.cfg.Waits && t.peers.Load().lastID == 0 }

// SetPeers replaces the peers. Connections of peers that stay are not touched; one that
// has moved is dialled at its new address from the next attempt on. A peer that goes
// stays connected for Config.FormerGrace: so it can be told that it is a member no more. Later it is refused, as are all ids up to lastID that have no peer: they
// were members. The transport keeps addresses.
func (t *Transport) SetPeers(addresses map[node.ID]string, lastID node.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		return
	}
	before := t.peers.Load()
	next := &peerTable{byID: map[node.ID]*peer{}, lastID: max(lastID, before.lastID)}
	for id, p := range before.byID {
		next.byID[id] = p
		_, stays := addresses[id]
		if leaves := !stays; leaves != p.former.Swap(leaves) && leaves {
			p.departures++
			departure := p.departures
			t.tasks.Go(func() { t.dropLater(p, departure) })
		}
	}
	var fresh []*peer
	for _, id := range slices.Sorted(maps.Keys(addresses)) {
		if p := next.byID[id]; p != nil {
			p.move(addresses[id])
			continue
		}
		p := newPeer(t.ctx, id, addresses[id], t.cfg.Queue)
		next.byID[id], fresh = p, append(fresh, p)
	}
	t.peers.Store(next)
	for _, p := range fresh { // once they are known: a handshake looks for them
		t.tasks.Go(func() { t.keepConnected(p) })
	}
}

// dropLater ends the connections of a former member after the time of grace of a departure,
// unless it has come back.
func (t *Transport) dropLater(p *peer, departure int) {
	if !sleep(p.ctx, t.cfg.FormerGrace) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !p.former.Load() || p.departures != departure {
		return
	}
	before := t.peers.Load()
	next := &peerTable{byID: maps.Clone(before.byID), lastID: before.lastID}
	delete(next.byID, p.id)
	t.peers.Store(next)
	p.stop()
}

// sleep waits for d, and reports whether ctx goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
