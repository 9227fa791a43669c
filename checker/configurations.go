package checker

import "slices"

// configurations is a set of configurations. Each is a row of words: the state,
// the version, the operations in flight that have taken effect (a bit for each
// slot), and the number of unknown steps of each kind that have.
//
// Of two rows that differ in the counts only, one with lower counts is better:
// it can still do all that the other can. So add leaves out a row if the set
// has one that is as good.
type configurations struct {
	sets  int // words of the bits
	kinds int // words of the counts
	words []uint64
	heads []int32 // hash table: the last row of each hash, from 1; 0 for none. Valid only while rows are added
	chain []int32 // by row: the row before it with the same hash
	most  int     // maximum number of rows that differ in the counts only; 0: no limit
	full  bool    // a row was left out for that
	lasts []int32 // by row: the effect that led to it, if these are recorded
	last  int32   // of the rows that are added

	recorded bool
}

const (
	rowState = iota
	rowVersion
	rowBits
)

func (t *configurations) stride() int { return rowBits + t.sets + t.kinds }
func (t *configurations) len() int    { return len(t.chain) }

func (t *configurations) row(i int) []uint64 {
	n := t.stride()
	return t.words[i*n : i*n+n : i*n+n]
}

// reset empties the set and takes over the layout of another.
func (t *configurations) reset(like *configurations) {
	t.sets, t.kinds = like.sets, like.kinds
	t.words, t.chain = t.words[:0], t.chain[:0]
	if len(t.heads) == 0 {
		t.heads = make([]int32, 16)
	}
	if len(t.heads) > 16 {
		t.heads = t.heads[:16]
	}
	clear(t.heads)
	t.most, t.full = 0, false
	t.recorded, t.lasts = like.recorded, t.lasts[:0]
}

func (t *configurations) copy(from *configurations) {
	t.sets, t.kinds = from.sets, from.kinds
	t.words = append(t.words[:0], from.words...)
	t.chain = append(t.chain[:0], from.chain...)
	t.recorded, t.lasts = from.recorded, append(t.lasts[:0], from.lasts...)
}

// add adds a row. It reports false if the set has a row that is as good.
func (t *configurations) add(row []uint64) bool {
	key := rowBits + t.sets
	h := hash(row[:key]) & uint64(len(t.heads)-1)
	alike := 0
	for i := t.heads[h]; i > 0; i = t.chain[i-1] {
		old := t.row(int(i - 1))
		if !slices.Equal(old[:key], row[:key]) {
			continue
		}
		if covers(row[key:], old[key:]) {
			return false
		}
		if alike++; alike == t.most {
			t.full = true
			return false
		}
	}
	t.words = append(t.words, row...)
	if t.recorded {
		t.lasts = append(t.lasts, t.last)
	}
	t.chain = append(t.chain, t.heads[h])
	t.heads[h] = int32(len(t.chain))
	if len(t.chain) > len(t.heads) {
		t.grow()
	}
	return true
}

func (t *configurations) grow() {
	t.heads = slices.Grow(t.heads, len(t.heads))[:2*len(t.heads)]
	clear(t.heads)
	key := rowBits + t.sets
	for i := range t.chain {
		h := hash(t.row(i)[:key]) & uint64(len(t.heads)-1)
		t.chain[i], t.heads[h] = t.heads[h], int32(i+1)
	}
}

// keep removes the rows for which good is false.
func (t *configurations) keep(good func(i int) bool) {
	n, kept := t.stride(), 0
	for i := range t.len() {
		if good(i) {
			copy(t.words[kept*n:], t.row(i))
			if t.recorded {
				t.lasts[kept] = t.lasts[i]
			}
			kept++
		}
	}
	t.words, t.chain = t.words[:kept*n], t.chain[:kept]
	if t.recorded {
		t.lasts = t.lasts[:kept]
	}
}

// lastOf returns the effect that led to a row; 0 if these are not recorded.
func (t *configurations) lastOf(i int) int32 {
	if !t.recorded {
		return 0
	}
	return t.lasts[i]
}

// covers reports whether every count is at least that of fewer.
func covers(counts, fewer []uint64) bool {
	for i, n := range fewer {
		if counts[i] < n {
			return false
		}
	}
	return true
}

func hash(words []uint64) uint64 {
	h := uint64(0)
	for _, w := range words {
		h = (h ^ w) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h
}

func has(row []uint64, slot int32) bool { return row[rowBits+slot>>6]>>(slot&63)&1 == 1 }
func set(row []uint64, slot int32)      { row[rowBits+slot>>6] |= 1 << (slot & 63) }
func unset(row []uint64, slot int32)    { row[rowBits+slot>>6] &^= 1 << (slot & 63) }
