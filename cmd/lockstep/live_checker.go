package main

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// liveChecker follows a recorder while the clients go on: it has operations counted
// by a meter, if there is one, and checks them. It keeps some kilobytes for each
// machine, whatever the length of the history.
type liveChecker struct {
	recorder *recorder
	stream   *checker.Stream // nil: nothing is judged
	meter    *meter          // nil: nothing is counted
	behind   time.Duration   // longest time that a collection of operations took to judge
	ordered  []*sample       // memory of inOrder
	wg       sync.WaitGroup
	cancel   context.CancelFunc
}

// liveMemory bounds the memory for checking one machine, beyond its operations, in
// bytes.
const liveMemory = 16 << 20

// liveInterval is the time between checks: short beside a second, and long beside
// the collection of ten thousand lanes.
const liveInterval = 50 * time.Millisecond

func newLiveChecker(r *recorder) *liveChecker {
	h := history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}}
	return &liveChecker{
		recorder: r, cancel: func() {},
		stream: checker.NewStream(context.Background(), h, checker.Options{Memory: liveMemory, Explain: true}),
	}
}

// start checks at intervals, until stop. It passes the first violation to violated.
func (l *liveChecker) start(violated func(checker.Result)) (stop func()) {
	ctx, quit := context.WithCancel(context.Background())
	l.cancel = quit
	l.wg.Go(func() {
		tick := time.NewTicker(liveInterval)
		defer tick.Stop()
		told := false
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if r := l.advance(); r.Status == checker.Violated && !told {
					told = true
					violated(r)
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
	began := time.Now()
	samples, horizon := l.recorder.collect()
	l.add(samples)
	if l.stream == nil {
		return checker.Result{}
	}
	r := l.stream.Advance(horizon)
	l.behind = max(l.behind, time.Since(began))
	return r
}

func (l *liveChecker) add(samples []sample) {
	if l.meter != nil {
		l.meter.add(samples)
	}
	if l.stream == nil {
		return
	}
	for _, s := range l.inOrder(samples) {
		if err := l.stream.Add(s.Operation); err != nil {
			panic("lockstep: an operation came after it could not: " + err.Error())
		}
	}
}

// inOrder returns the samples that are judged in order of call: lanes come one after
// the other, and a stream takes operations fastest as they were called.
func (l *liveChecker) inOrder(samples []sample) []*sample {
	l.ordered = l.ordered[:0]
	for i := range samples {
		if !samples[i].Local {
			l.ordered = append(l.ordered, &samples[i])
		}
	}
	slices.SortFunc(l.ordered, func(x, y *sample) int { return cmp.Compare(x.Call, y.Call) })
	return l.ordered
}

// finish checks the rest. No client may be running.
func (l *liveChecker) finish() checker.Result {
	l.stop()
	l.advance()
	if l.stream == nil {
		return checker.Result{}
	}
	return l.stream.Finish()
}
