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

// timers is a heap, the earliest first.
type timers []timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at < t[j].at }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }

// Push implements heap.Interface.
func (t *timers) Push(x any) { *t = append(*t, x.(timer)) }

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}

// wait is how long until the earliest is due.
func (t timers) wait(now time.Duration) time.Duration {
	if len(t) == 0 {
		return time.Hour
	}
	return max(0, t[0].at-now)
}

// due takes all that are due, as events.
func (t *timers) due(now time.Duration, batch []node.Event) []node.Event {
	for len(*t) > 0 && (*t)[0].at <= now {
		batch = append(batch, node.Event{Kind: node.Timer, Token: heap.Pop(t).(timer).token})
	}
	return batch
}
