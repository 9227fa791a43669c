package main

import (
	"context"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// recorder collects the operations of all clients.
type recorder struct {
	begin     time.Time
	unlimited bool

	mu        sync.Mutex
	remaining int
	ops       []checker.Operation
	inFlight  map[int]int64 // by client: the call of its operation
}

// now is a point in time that no two calls of one client share.
func (r *recorder) now() int64 { return int64(time.Since(r.begin)) }

// reserve reports whether one more operation may begin.
func (r *recorder) reserve() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remaining--
	return r.unlimited || r.remaining >= 0
}

// invoke says that a client begins an operation now.
func (r *recorder) invoke(client int) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inFlight == nil {
		r.inFlight = map[int]int64{}
	}
	now := r.now()
	r.inFlight[client] = now
	return now
}

// add takes an operation that has ended, for its client at least.
func (r *recorder) add(o checker.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.inFlight, o.Client)
	r.ops = append(r.ops, o)
}

// since is the operations beyond the first n, and the horizon: none that was
// called before it is still to come.
func (r *recorder) since(n int) ([]checker.Operation, int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	horizon := r.now()
	for _, call := range r.inFlight {
		horizon = min(horizon, call)
	}
	return r.ops[n:len(r.ops):len(r.ops)], horizon
}

// history is the complete history, when nothing more comes.
func (r *recorder) history() checker.History {
	return checker.History{Definitions: []fsm.Definition{fsm.Lifecycle()}, Operations: r.ops}
}

// liveChecker judges what a recorder collects while it grows. What it keeps is some
// kilobytes for each machine, whatever the length of the history.
type liveChecker struct {
	recorder *recorder
	stream   *checker.Stream
	judged   int // of the recorder's operations
	wg       sync.WaitGroup
	cancel   context.CancelFunc
}

// liveMemory bounds the memory for judging one machine, beyond its operations.
const liveMemory = 16 << 20

func newLiveChecker(r *recorder) *liveChecker {
	h := checker.History{Definitions: []fsm.Definition{fsm.Lifecycle()}}
	return &liveChecker{
		recorder: r, cancel: func() {},
		stream: checker.NewStream(context.Background(), h, checker.Options{Memory: liveMemory, Explain: true}),
	}
}

// start judges now and then, until the first violation, which it tells, or
// until it is stopped.
func (l *liveChecker) start(violated func(checker.Result)) (stop func()) {
	ctx, quit := context.WithCancel(context.Background())
	l.cancel = quit
	l.wg.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if r := l.advance(); r.Status == checker.Violated {
					violated(r)
					return
				}
			}
		}
	})
	return l.stop
}

func (l *liveChecker) stop() {
	l.cancel()
	l.wg.Wait()
}

// advance judges as far as can be judged now.
func (l *liveChecker) advance() checker.Result {
	ops, horizon := l.recorder.since(l.judged)
	l.add(ops)
	return l.stream.Advance(horizon)
}

func (l *liveChecker) add(ops []checker.Operation) {
	for _, o := range ops {
		if err := l.stream.Add(o); err != nil {
			panic("lockstep: an operation came after it could not: " + err.Error())
		}
	}
	l.judged += len(ops)
}

// finish judges the rest, when nothing more comes.
func (l *liveChecker) finish() checker.Result {
	l.stop()
	ops, _ := l.recorder.since(l.judged)
	l.add(ops)
	return l.stream.Finish()
}
