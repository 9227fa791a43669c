package sim

// queue holds what is to happen, ordered by time and then by the order of
// insertion: a 4-ary heap of small keys over a slab of records with a free
// list. In steady state it allocates nothing.
type queue struct {
	heap []entry
	slab []record
	free []uint32
	seq  uint64
}

// entry orders one record. rank is the insertion number and, in its low bits,
// the record's place in the slab.
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

// record is one thing to happen.
type record struct {
	msg   Message
	token uint64
	life  uint32 // of the process; of a message the connection that it was sent over
	to    ID
	from  ID
	what  what
}

// what tells records apart.
type what uint8

const (
	whatBoot what = iota + 1
	whatMessage
	whatTimer
	whatDone
	whatRequest
	whatAction
	whatRefused
	whatBreak // a connection ends
	whatTurn  // a process that has lagged takes what it has waiting
)

func (q *queue) len() int { return len(q.heap) }

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
	q.heap = append(q.heap, e)
	q.up(len(q.heap)-1, e)
}

// pop takes the earliest record into r; the queue must not be empty.
func (q *queue) pop(r *record) (at Duration) {
	top := q.heap[0]
	last := len(q.heap) - 1
	e := q.heap[last]
	q.heap = q.heap[:last]
	if last > 0 {
		q.down(e)
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
