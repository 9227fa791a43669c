package files

import (
	"errors"
	"fmt"
	"sync"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// Executor executes requests of a log, one at a time. Dir implements it.
type Executor interface {
	Execute(r *wal.DiskRequest) error
}

// Runner executes requests one after the other in a goroutine of its own, so that
// Submit need not wait. Its methods are safe for concurrent use.
type Runner struct {
	disk   Executor
	report func(token uint64, err error)

	mu      sync.Mutex
	wake    sync.Cond // queue is not empty, or closed is true
	queue   []wal.DiskRequest
	closed  bool
	stopped chan struct{}
}

// NewRunner starts a runner on d. It reports requests to done, in the order in which
// they were submitted; a Quiet request that succeeds is not reported. It calls done
// from its own goroutine and executes nothing meanwhile. After the first error it
// executes nothing more, and reports the following requests with an error that wraps
// the first. The exception is wal.ErrFull of an Optional request: execution goes on.
func NewRunner(d Executor, done func(token uint64, err error)) *Runner {
	r := &Runner{disk: d, report: done, stopped: make(chan struct{})}
	r.wake.L = &r.mu
	go r.run()
	return r
}

// Submit queues requests and returns at once. The requests are copied, their data is
// not. A closed runner ignores them.
func (r *Runner) Submit(reqs []wal.DiskRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed && len(reqs) > 0 {
		r.queue = append(r.queue, reqs...)
		r.wake.Signal()
	}
}

// Close stops the runner. It waits for the request in progress and its report.
// Queued requests are neither executed nor reported; a caller that needs them must
// wait for their reports before. The function done must not call Close.
func (r *Runner) Close() {
	r.mu.Lock()
	r.closed = true
	r.wake.Signal()
	r.mu.Unlock()
	<-r.stopped
}

func (r *Runner) run() {
	defer close(r.stopped)
	var failed error
	var req wal.DiskRequest // reused: an argument of an interface's method escapes to the heap
	for r.next(&req) {
		if failed != nil {
			r.report(req.Token, fmt.Errorf("not executed after an earlier failure: %w", failed))
			continue
		}
		failed = r.disk.Execute(&req)
		if failed != nil || !req.Quiet {
			r.report(req.Token, failed)
		}
		if req.Optional && errors.Is(failed, wal.ErrFull) {
			failed = nil
		}
	}
}

// next waits for a request; it returns false when the runner is closed.
func (r *Runner) next(req *wal.DiskRequest) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queue) == 0 && !r.closed {
		r.wake.Wait()
	}
	if r.closed {
		return false
	}
	*req = r.queue[0]
	n := copy(r.queue, r.queue[1:]) // the queue is short: a batch or two
	r.queue[n] = wal.DiskRequest{}
	r.queue = r.queue[:n]
	return true
}
