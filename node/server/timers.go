package server

import (
	"container/heap"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// timer is a point in local time and the token to hand over then.
type timer struct {
	at    time.Duration
	token uint64
}

// timers are the node's: one for each token, of which the last that was set counts.
// The zero value has none.
type timers struct {
	heap timerHeap
	last map[uint64]time.Duration // by token; other entries of a token in the heap are stale
}

// set has a token handed over at a time, and not when it was to be before.
func (t *timers) set(at time.Duration, token uint64) {
	if t.last == nil {
		t.last = map[uint64]time.Duration{}
	}
	if was, ok := t.last[token]; ok && was == at {
		return
	}
	t.last[token] = at
	heap.Push(&t.heap, timer{at, token})
}

// wait is how long until the earliest is due.
func (t *timers) wait(now time.Duration) time.Duration {
	if len(t.heap) == 0 {
		return time.Hour
	}
	return max(0, t.heap[0].at-now)
}

// due takes all that are due, as events.
func (t *timers) due(now time.Duration, batch []node.Event) []node.Event {
	for len(t.heap) > 0 && t.heap[0].at <= now {
		first := heap.Pop(&t.heap).(timer)
		if at, ok := t.last[first.token]; !ok || at != first.at {
			continue
		}
		delete(t.last, first.token)
		batch = append(batch, node.Event{Kind: node.Timer, Token: first.token})
	}
	return batch
}

// timerHeap has the earliest first.
type timerHeap []timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h timerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *timerHeap) Push(x any) { *h = append(*h, x.(timer)) }

// Pop implements heap.Interface.
func (h *timerHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
