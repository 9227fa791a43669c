package files

import (
	"errors"
	"fmt"
	"sync"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// Executor carries out requests of the log: a Dir.
type Executor interface {
	Execute(r *wal.DiskRequest) error
}

// Runner executes requests one after the other, so that who asks need not wait.
type Runner struct {
	disk   Executor
	report func(token uint64, err error)

	mu      sync.Mutex
	wake    sync.Cond // there is something in queue, or closed
	queue   []wal.DiskRequest
	closed  bool
	stopped chan struct{}
}

// NewRunner starts a runner on d. It reports each request to done, in the order
// in which they were submitted, but for quiet ones that succeed, from its own
// goroutine: while done runs, nothing is executed. After the first error nothing
// more is, and the requests that follow are reported with that error too, unless
// it is that the disk has no room for a request that is optional.
func NewRunner(d Executor, done func(token uint64, err error)) *Runner {
	r := &Runner{disk: d, report: done, stopped: make(chan struct{})}
	r.wake.L = &r.mu
	go r.run()
	return r
}

// Submit has requests executed and returns at once. The requests are copied,
// their data is not. A closed runner ignores them.
func (r *Runner) Submit(reqs []wal.DiskRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed && len(reqs) > 0 {
		r.queue = append(r.queue, reqs...)
		r.wake.Signal()
	}
}

// Close ends the runner: it waits for the request under way and its report,
// while those that wait are neither executed nor reported. To wait for
// them is the caller's part. Close is not for done to call.
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
	var req wal.DiskRequest // one for all: what an Executor is given is not on the stack
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

// next waits for a request; it reports false when the runner is closed.
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
	n := copy(r.queue, r.queue[1:]) // a batch or two: short
	r.queue[n] = wal.DiskRequest{}
	r.queue = r.queue[:n]
	return true
}
