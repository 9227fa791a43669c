package service

import (
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
	t.heap.push(timer{at, token})
	if len(t.heap) > 2*len(t.last)+maxStale {
		t.dropStale()
	}
}

// maxStale bounds the entries of the heap that were replaced: there are as many more as
// timers. Each would stay until it is due, and a deadline may be a day away.
const maxStale = 64

// dropStale removes the entries that were replaced.
func (t *timers) dropStale() {
	all := t.heap
	t.heap = make(timerHeap, 0, 2*len(t.last))
	for _, x := range all {
		if at, ok := t.last[x.token]; ok && at == x.at {
			t.heap.push(x)
			delete(t.last, x.token) // the same time may be there twice
		}
	}
	for _, x := range t.heap {
		t.last[x.token] = x.at
	}
}

// next returns the time at which the earliest timer is due, or an earlier one; Never
// if there is none.
func (t *timers) next() time.Duration {
	if len(t.heap) == 0 {
		return Never
	}
	return t.heap[0].at
}

// due removes the timers that are due, and appends their events to batch.
func (t *timers) due(now time.Duration, batch []node.Event) []node.Event {
	for len(t.heap) > 0 && t.heap[0].at <= now {
		first := t.heap.pop()
		if at, ok := t.last[first.token]; !ok || at != first.at {
			continue
		}
		delete(t.last, first.token)
		batch = append(batch, node.Event{Kind: node.Timer, Token: first.token})
	}
	return batch
}

// timerHeap is a binary heap of timers, the earliest first. The standard library's
// would allocate for each timer.
type timerHeap []timer

func (a timer) before(b timer) bool { return a.at < b.at || a.at == b.at && a.token < b.token }

func (h *timerHeap) push(x timer) {
	*h = append(*h, x)
	list := *h
	i := len(list) - 1
	for up := (i - 1) / 2; i > 0 && x.before(list[up]); i, up = up, (up-1)/2 {
		list[i] = list[up]
	}
	list[i] = x
}

func (h *timerHeap) pop() timer {
	list := *h
	first, x := list[0], list[len(list)-1]
	list = list[:len(list)-1]
	*h = list
	if len(list) == 0 {
		return first
	}
	i := 0
	for child := 1; child < len(list); child = 2*i + 1 {
		if child+1 < len(list) && list[child+1].before(list[child]) {
			child++
		}
		if !list[child].before(x) {
			break
		}
		list[i] = list[child]
		i = child
	}
	list[i] = x
	return first
}
