package netmodel

// counter counts how often each key was seen. It is a hash table with linear
// probing whose keys are hashes already; the zero counter is empty. Two
// messages whose 64-bit keys collide share one count, which is as
// deterministic as two, and harmless.
type counter struct {
	tallies []tally // a power of two of them, or none
	used    int
}

// tally is one entry, free if its count is 0.
type tally struct {
	key   uint64
	count uint32
}

const firstTallies = 256

// next counts key and returns its count: 1 the first time.
func (c *counter) next(key uint64) uint32 {
	if c.used >= len(c.tallies)/4*3 {
		c.grow()
	}
	t := c.find(key)
	if t.count == 0 {
		t.key = key
		c.used++
	}
	t.count++
	return t.count
}

// find is the tally of key, or the free one where it belongs.
func (c *counter) find(key uint64) *tally {
	mask := uint64(len(c.tallies) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		if t := &c.tallies[i]; t.count == 0 || t.key == key {
			return t
		}
	}
}

func (c *counter) grow() {
	old := c.tallies
	c.tallies = make([]tally, max(firstTallies, 2*len(old)))
	for _, t := range old {
		if t.count != 0 {
			*c.find(t.key) = t
		}
	}
}

// Buffers is memory that networks use one after another. The zero Room is empty.
type Buffers struct{ tallies []tally }

// Borrow has n, which nothing was sent on yet, use the memory in r until GiveBack.
func (n *Network) Borrow(r *Buffers) {
	clear(r.tallies)
	n.seen.tallies, r.tallies = r.tallies, nil
}

// GiveBack puts the memory of n, which is used no more, into r.
func (n *Network) GiveBack(r *Buffers) {
	r.tallies, n.seen = n.seen.tallies, counter{}
}
