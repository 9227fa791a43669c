package history

// idTable is a set of ids with their lines. A million ids take a third of the
// time that a map of Go takes: what a lookup must read of it is one number, and it
// grows without reading ids.
type idTable struct {
	ids   []numberedID
	slots []uint64 // upper half: that of the hash; lower: the id's index, from 1; 0: vacant
}

type numberedID struct {
	id   string
	line int
}

// lineOf returns the line that an id was added with.
func (t *idTable) lineOf(id string) (line int, known bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	slot := t.slots[t.slotOf(id, hashOf(id))]
	if slot == 0 {
		return 0, false
	}
	return t.ids[uint32(slot)-1].line, true
}

// add adds an id that t does not have.
func (t *idTable) add(id string, line int) {
	if 4*(len(t.ids)+1) > 3*len(t.slots) {
		t.grow()
	}
	t.ids = append(t.ids, numberedID{id, line})
	h := hashOf(id)
	t.slots[t.slotOf(id, h)] = h&^(1<<32-1) | uint64(len(t.ids))
}

func (t *idTable) slotOf(id string, h uint64) uint64 {
	return t.find(h, func(i uint32) bool { return t.ids[i].id == id })
}

// find returns the slot of an id of a hash, or else the vacant one for it.
func (t *idTable) find(h uint64, same func(i uint32) bool) uint64 {
	mask := uint64(len(t.slots) - 1)
	at := h >> 32 & mask
	for {
		slot := t.slots[at]
		if slot == 0 || slot>>32 == h>>32 && same(uint32(slot)-1) {
			return at
		}
		at = (at + 1) & mask
	}
}

func (t *idTable) grow() {
	old := t.slots
	t.slots = make([]uint64, max(64, 2*len(old)))
	for _, slot := range old {
		if slot != 0 {
			t.slots[t.find(slot, func(uint32) bool { return false })] = slot
		}
	}
}

// hashOf is FNV-1a, with the bits mixed: slots are found by the upper ones.
func hashOf(id string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	h ^= h >> 29
	return h * 0x9e3779b97f4a7c15
}
