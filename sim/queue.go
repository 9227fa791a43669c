package sim

import "slices"

// queue is the event queue, ordered by time and then by insertion: a short sorted
// list of the next entries, and a 4-ary heap of the later ones. Both hold small
// keys of records in a slab with a free list. Mostly few events are scheduled,
// and the list is enough. In steady state it allocates nothing.
type queue struct {
	front []entry // latest first; empty only if heap is
	heap  []entry // all later than front
	slab  []record
	free  []uint32
	seq   uint64
}

// entry is the key of one record. rank is the insertion number and, in its low
// bits, the index of the record in the slab.
type entry struct {
	at   Duration
	rank uint64
}

const (
	slotBits = 24
	slotMask = 1<<slotBits - 1
	maxSeq   = 1<<(64-slotBits) - 1
)

func (a entry) before(b entry) bool {
	return a.at < b.at || a.at == b.at && a.rank < b.rank
}

// record is one scheduled event.
type record struct {
	msg   Message
	token uint64
	life  uint32 // of the process; for a message the connection that carries it
	to    ID
	from  ID
	kind  recordKind
}

// recordKind is the kind of a record.
type recordKind uint8

const (
	recordBoot recordKind = iota + 1
	recordMessage
	recordTimer
	recordDiskDone
	recordInvoke
	recordAction
	recordSendFailed
	recordReset      // a connection breaks
	recordDisconnect // news of a connection that has ended
	recordRefusal    // news of a message that the receiver's host has refused
	recordDrain      // a process takes a step from its backlog
)

// forProcess reports whether a process takes the record as an event.
func (k recordKind) forProcess() bool {
	return k != recordAction && k != recordReset && k != recordDrain
}

// isNotice reports whether the record is news of a connection.
func (k recordKind) isNotice() bool { return k == recordDisconnect || k == recordRefusal }

// maxFront is the length at which half of front moves to the heap. A refill takes
// half as many.
const maxFront = 32

func (q *queue) len() int { return len(q.front) + len(q.heap) }

// next returns the time of the earliest record; the queue must not be empty.
func (q *queue) next() Duration { return q.front[len(q.front)-1].at }

// peek returns the earliest record and leaves it in the queue, which must not be
// empty.
func (q *queue) peek() *record { return &q.slab[q.front[len(q.front)-1].rank&slotMask] }

// push schedules r at time at.
func (q *queue) push(at Duration, r record) {
	var slot uint32
	if n := len(q.free); n > 0 {
		slot = q.free[n-1]
		q.free = q.free[:n-1]
		q.slab[slot] = r
	} else {
		slot = uint32(len(q.slab))
		q.slab = append(q.slab, r)
	}
	q.seq++
	if slot > slotMask || q.seq > maxSeq {
		panic("sim: more events than the queue can order")
	}
	e := entry{at, q.seq<<slotBits | uint64(slot)}
	if len(q.heap) > 0 && q.front[0].before(e) {
		q.pushHeap(e)
		return
	}
	q.insert(e)
	if len(q.front) == maxFront {
		for _, late := range q.front[:maxFront/2] {
			q.pushHeap(late)
		}
		q.front = q.front[:copy(q.front, q.front[maxFront/2:])]
	}
}

// insert puts e in its place in front.
func (q *queue) insert(e entry) {
	q.front = append(q.front, e)
	f := q.front
	i := len(f) - 1
	for ; i > 0 && f[i-1].before(e); i-- {
		f[i] = f[i-1]
	}
	f[i] = e
}

// pushHeap puts e into the heap.
func (q *queue) pushHeap(e entry) {
	q.heap = append(q.heap, e)
	q.up(len(q.heap)-1, e)
}

// refillFront moves the earliest entries of the heap to front, which is empty.
func (q *queue) refillFront() {
	n := min(maxFront/2, len(q.heap))
	q.front = slices.Grow(q.front, maxFront)[:n]
	for i := n - 1; i >= 0; i-- {
		q.front[i] = q.popHeap()
	}
}

// popHeap takes the earliest entry from the heap.
func (q *queue) popHeap() entry {
	top, last := q.heap[0], len(q.heap)-1
	e := q.heap[last]
	q.heap = q.heap[:last]
	if last > 0 {
		q.down(e)
	}
	return top
}

// pop takes the earliest record into r; the queue must not be empty.
func (q *queue) pop(r *record) (at Duration) {
	last := len(q.front) - 1
	top := q.front[last]
	q.front = q.front[:last]
	if last == 0 && len(q.heap) > 0 {
		q.refillFront()
	}
	slot := uint32(top.rank & slotMask)
	*r = q.slab[slot]
	q.slab[slot].msg = nil
	q.free = append(q.free, slot)
	return top.at
}

// up moves e from the hole at i towards the root.
func (q *queue) up(i int, e entry) {
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = e
}

// down moves e from the hole at the root towards the leaves.
func (q *queue) down(e entry) {
	h := q.heap
	i := 0
	for {
		child := 4*i + 1
		if child >= len(h) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(h)); c++ {
			if h[c].before(h[least]) {
				least = c
			}
		}
		if !h[least].before(e) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = e
}
