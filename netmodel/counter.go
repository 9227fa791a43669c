package netmodel

// counter counts how often each key was seen. It is a hash table with linear
// probing; its keys are hashes already. The zero counter is empty. Two messages
// with colliding 64-bit keys share one count, which is deterministic too, and
// harmless.
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

// next counts key and returns its count: 1 for the first time.
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

// find returns the tally of key, or the free one in its place.
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

// Buffers is memory that networks use one after another. The zero Buffers is
// empty.
type Buffers struct{ tallies []tally }

// Borrow has n use the memory in r until GiveBack. No message may have been sent
// on n yet.
func (n *Network) Borrow(r *Buffers) {
	clear(r.tallies)
	n.seen.tallies, r.tallies = r.tallies, nil
}

// GiveBack returns the memory of n to r. n must not be used any more.
func (n *Network) GiveBack(r *Buffers) {
	r.tallies, n.seen = n.seen.tallies, counter{}
}
