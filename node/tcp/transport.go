package tcp

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// closeTimeout bounds Close.
const closeTimeout = 5 * time.Second

// ErrStuck is the error of Close if a call of a function of Config has not
// returned.
var ErrStuck = errors.New("transport closed, but a call of Deliver has not returned")

// Transport is a node's connections to all its peers, which may change while it runs. It
// is safe for concurrent use.
type Transport struct {
	cfg      Config
	hello    []byte     // of a dialler, as a frame
	answer   []byte     // of an acceptor, which shows no life
	mu       sync.Mutex // held by who replaces peers, or ends ctx
	peers    atomic.Pointer[peerTable]
	ctx      context.Context    // ends with Close
	stop     context.CancelFunc //
	tasks    sync.WaitGroup     // all goroutines
	pending  pendingConns
	listener listenerCounts
	warnings rateLimitedLog
}

// Start begins to accept and to dial. If cfg is invalid, the listener stays open.
func Start(cfg Config) (*Transport, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	hello, err := wire.AppendFrame(nil, wire.AppendHello(nil, cfg.Hello))
	if err != nil {
		return nil, err
	}
	shown := cfg.Hello
	shown.Life = 0
	answer, err := wire.AppendFrame(nil, wire.AppendHello(nil, shown))
	if err != nil {
		return nil, err
	}
	t := &Transport{cfg: cfg, hello: hello, answer: answer, warnings: rateLimitedLog{log: cfg.Log}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.peers.Store(&peerTable{})
	t.SetPeers(cfg.Peers, 0)
	t.tasks.Go(t.accept)
	return t, nil
}

// Send queues messages for a peer, without waiting; one write may serve all. If
// false, some are dropped, from one of them on: the queue is full, there is no such
// peer, or the transport is closed. If true, any may still be lost.
func (t *Transport) Send(to node.ID, messages ...node.Message) bool {
	p := t.peer(to)
	if p == nil || t.ctx.Err() != nil {
		return false
	}
	return p.enqueue(messages)
}

// Confirm states that a peer's life is genuine: its member has been introduced in it.
// The connection of that life gives way to no other, but to a later one of the same
// life.
func (t *Transport) Confirm(id node.ID, life uint64) {
	if p := t.peer(id); p != nil {
		p.confirm(life)
	}
}

// Peers returns the state of each peer, by id.
func (t *Transport) Peers() []PeerStats {
	var all []PeerStats
	table := t.peers.Load()
	for _, id := range slices.Sorted(maps.Keys(table.byID)) {
		if p := table.byID[id]; !p.former.Load() {
			all = append(all, p.stats())
		}
	}
	return all
}

// ListenerStats returns the counters of incoming connections.
func (t *Transport) ListenerStats() ListenerStats { return t.listener.stats() }

// Close drops queued messages and closes the listener and every connection. When
// it returns nil, all goroutines of the transport have ended and nothing more is
// delivered. It waits at most five seconds.
func (t *Transport) Close() error {
	t.mu.Lock()
	t.stop()
	t.mu.Unlock()
	err := t.cfg.Listener.Close()
	if errors.Is(err, errClosed) {
		err = nil // a second Close
	}
	done := make(chan struct{})
	go func() {
		t.tasks.Wait()
		close(done)
	}()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-done:
		return err
	case <-timer.C:
		return ErrStuck
	}
}
