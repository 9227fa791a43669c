package server

import (
	"container/heap"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// timer is a token, and the local time at which it is due.
type timer struct {
	at    time.Duration
	token uint64
}

// timers is the set of the node's timers: one for each token, the last that was set.
// The zero value is empty.
type timers struct {
	heap timerHeap
	last map[uint64]time.Duration // by token; other entries of a token in the heap are stale
}

// set sets the timer of a token. It replaces an earlier one.
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

// wait returns the time until the earliest timer is due.
func (t *timers) wait(now time.Duration) time.Duration {
	if len(t.heap) == 0 {
		return time.Hour
	}
	return max(0, t.heap[0].at-now)
}

// due removes the timers that are due, and appends their events to batch.
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

// timerHeap is a heap of timers, the earliest first.
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
