package main

import (
	"context"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// recorder collects the operations of all clients. It is safe for concurrent use.
type recorder struct {
	begin     time.Time
	unlimited bool

	mu        sync.Mutex
	remaining int
	ops       []history.Operation
	inFlight  map[int]int64 // by client: call time of its operation
}

// now returns a time that differs between any two calls of one client.
func (r *recorder) now() int64 { return int64(time.Since(r.begin)) }

// reserve reports whether one more operation may begin.
func (r *recorder) reserve() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remaining--
	return r.unlimited || r.remaining >= 0
}

// invoke records that a client begins an operation, and returns the time.
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

// add records an operation that has ended, at least for its client.
func (r *recorder) add(o history.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.inFlight, o.Client)
	r.ops = append(r.ops, o)
}

// since returns the operations beyond the first n, and a horizon: later ones will
// not have been called before it.
func (r *recorder) since(n int) ([]history.Operation, int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	horizon := r.now()
	for _, call := range r.inFlight {
		horizon = min(horizon, call)
	}
	return r.ops[n:len(r.ops):len(r.ops)], horizon
}

// history returns the complete history. No client may be running.
func (r *recorder) history() history.History {
	return history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}, Operations: r.ops}
}

// liveChecker checks the operations of a recorder while the clients go on. It keeps
// some kilobytes for each machine, whatever the length of the history.
type liveChecker struct {
	recorder *recorder
	stream   *checker.Stream
	judged   int // operations of the recorder that are checked
	wg       sync.WaitGroup
	cancel   context.CancelFunc
}

// liveMemory bounds the memory for checking one machine, beyond its operations, in
// bytes.
const liveMemory = 16 << 20

func newLiveChecker(r *recorder) *liveChecker {
	h := history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}}
	return &liveChecker{
		recorder: r, cancel: func() {},
		stream: checker.NewStream(context.Background(), h, checker.Options{Memory: liveMemory, Explain: true}),
	}
}

// start checks every 50 ms, until stop or the first violation, which it passes to
// violated.
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

// advance checks the history up to the horizon.
func (l *liveChecker) advance() checker.Result {
	ops, horizon := l.recorder.since(l.judged)
	l.add(ops)
	return l.stream.Advance(horizon)
}

func (l *liveChecker) add(ops []history.Operation) {
	for _, o := range ops {
		if err := l.stream.Add(o); err != nil {
			panic("lockstep: an operation came after it could not: " + err.Error())
		}
	}
	l.judged += len(ops)
}

// finish checks the rest. No client may be running.
func (l *liveChecker) finish() checker.Result {
	l.stop()
	ops, _ := l.recorder.since(l.judged)
	l.add(ops)
	return l.stream.Finish()
}
