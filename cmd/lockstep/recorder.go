package main

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// recorder collects the operations of all clients. Each client has a lane of its
// own, so that clients do not wait for each other, and one goroutine collects.
type recorder struct {
	begin  time.Time
	lanes  []lane
	forget bool // history is not wanted: memory is that of the operations not collected

	collected []sample            // by the last collect; the memory of the next
	ops       []history.Operation // all that are collected, unless forget
}

// sample is an operation as a load sees it.
type sample struct {
	history.Operation
	Intended int64 // when it was to begin: right before the call, or in an open loop at its arrival, however late the call came
	Local    bool  // a read of one node's state, which may be stale: not part of the history
}

// lane records the operations of one client.
type lane struct {
	recorder *recorder
	mu       sync.Mutex
	inFlight bool
	call     int64 // of the operation in flight
	ended    []sample
	_        [64]byte // lanes share no cache line
}

// newRecorder returns a recorder of clients 1 to n, which begins now.
func newRecorder(n int) *recorder {
	r := &recorder{begin: time.Now(), lanes: make([]lane, n)}
	for i := range r.lanes {
		r.lanes[i].recorder = r
	}
	return r
}

// lane returns the lane of a client.
func (r *recorder) lane(client int) *lane { return &r.lanes[client-1] }

// now returns the time since the beginning in nanoseconds.
func (r *recorder) now() int64 { return int64(time.Since(r.begin)) }

// invoke records that the client begins an operation, and returns the time.
func (l *lane) invoke() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight, l.call = true, l.recorder.now() // read under the lock, see collect
	return l.call
}

// add records an operation that has ended, at least for its client.
func (l *lane) add(s sample) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight = false
	l.ended = append(l.ended, s)
}

// collect returns the operations that have ended since the last call, and a
// horizon: later ones will not have been called before it. The operations are valid
// until the next call.
func (r *recorder) collect() ([]sample, int64) {
	clear(r.collected)
	r.collected = r.collected[:0]
	horizon := r.now() // before any lane is seen: a lane that is idle then calls later
	for i := range r.lanes {
		horizon = min(horizon, r.collectLane(&r.lanes[i], horizon))
	}
	if !r.forget {
		for i := range r.collected {
			if !r.collected[i].Local {
				r.ops = append(r.ops, r.collected[i].Operation)
			}
		}
	}
	return r.collected, horizon
}

// collectLane takes the operations of a lane, and returns the call in flight, or
// idle if there is none.
func (r *recorder) collectLane(l *lane, idle int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.collected = append(r.collected, l.ended...)
	clear(l.ended)
	l.ended = l.ended[:0]
	if l.inFlight {
		return l.call
	}
	return idle
}

// history returns all that is collected, in order of call.
func (r *recorder) history() history.History {
	slices.SortStableFunc(r.ops, func(x, y history.Operation) int { return cmp.Compare(x.Call, y.Call) })
	return history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}, Operations: r.ops}
}
