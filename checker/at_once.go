package checker

import (
	"context"
	"runtime"
	"sync"
)

// Machines are judged one by one, so all processors can have some (linearizability is
// local: Herlihy and Wing 1990). The memory for a machine does not depend on the number of
// processors, so the result does not, either.
const (
	dividedFrom = 1 << 14 // operations of a history of which machines are judged at once
	shares      = 16      // machines that are judged at once, at most: each has a share of the memory
)

// dividesWork reports whether to judge machines at once. Models of users need not be safe
// for that, and of small histories, as campaigns have them, it is not worth it.
func (j *judge) dividesWork(all []machine) bool {
	n := 0
	for _, m := range all {
		n += len(m.operations)
	}
	return j.standard && len(all) > 1 && n >= dividedFrom
}

// checkAtOnce is checkAll, with some machines at a time. One that needs more than its share
// of the memory is judged again, alone.
func (j *judge) checkAtOnce(ctx context.Context, all []machine, o Options) (worst Result, of int) {
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	share := o
	share.Memory = o.Memory / shares
	p := newPanel(len(all))
	var judges sync.WaitGroup
	for range min(shares, runtime.GOMAXPROCS(0)) {
		own := *j
		judges.Go(func() {
			for {
				ctx, i, more := p.next(ctx)
				if !more {
					return
				}
				p.end(i, own.check(ctx, all[i], share))
			}
		})
	}
	judges.Wait()
	if p.violated < len(all) {
		return p.results[p.violated], p.violated
	}
	return worstOf(len(all), func(i int) Result {
		if r := p.results[i]; r.Status == Linearizable || r.Unjudgeable || ctx.Err() != nil {
			return r
		}
		return j.check(ctx, all[i], o)
	})
}

// panel is the judges of one history, each of which has one machine at a time. It is safe
// for concurrent use.
type panel struct {
	mu       sync.Mutex
	begun    int
	results  []Result                   // by machine; up to violated
	violated int                        // the first machine that is, as far as is known: later ones do not matter
	ends     map[int]context.CancelFunc // of the machines that are being judged
}

func newPanel(machines int) *panel {
	return &panel{results: make([]Result, machines), violated: machines, ends: map[int]context.CancelFunc{}}
}

// next returns the next machine to judge, and the context to do it in. There is no more once
// one before it is violated.
func (p *panel) next(ctx context.Context) (_ context.Context, i int, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun >= p.violated {
		return nil, 0, false
	}
	i = p.begun
	p.begun++
	ctx, p.ends[i] = context.WithCancel(ctx)
	return ctx, i, true
}

// end notes the result of a machine. If it is violated, later ones need not be judged.
func (p *panel) end(i int, r Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ends[i]()
	delete(p.ends, i)
	p.results[i] = r
	if r.Status != Violated || i > p.violated {
		return
	}
	p.violated = i
	for k, cancel := range p.ends {
		if k > i {
			cancel()
		}
	}
}
