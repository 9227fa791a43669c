package node

// machineTable finds machines by their keys. A map from keys to pointers would take some 38 bytes
// for each of a million; this one takes 18. It hashes keys with the salt of the cluster, as the
// digest does, and machines of the same short hash are a chain.
type machineTable struct {
	digest *digest              // has the hash of keys, and the list of machines by index
	first  map[uint32]chainLink // by short hash
	mask   uint32               // of short hashes: all bits, but in tests
	count  int
}

// chainLink is the index of a machine, plus one; 0: none.
type chainLink uint32

func (m *machine) link() chainLink { return chainLink(m.index + 1) }

// in returns the machine of a link, of a list by index; nil: none.
func (l chainLink) in(machines []*machine) *machine {
	if l == 0 {
		return nil
	}
	return machines[l-1]
}

func newMachineTable(d *digest) machineTable {
	return machineTable{digest: d, first: map[uint32]chainLink{}, mask: 1<<32 - 1}
}

func (t *machineTable) short(hash uint64) uint32 { return uint32(hash) & t.mask }

// get returns the machine with a key, or nil.
func (t *machineTable) get(key string) *machine {
	hash := t.digest.place(key)
	m := t.first[t.short(hash)].in(*t.digest.machines)
	for m != nil && (m.hash != hash || m.key != key) {
		m = m.sameHash.in(*t.digest.machines)
	}
	return m
}

// put adds a machine with a new key, once it has its index.
func (t *machineTable) put(m *machine) {
	m.sameHash = t.first[t.short(m.hash)]
	t.first[t.short(m.hash)] = m.link()
	t.count++
}

// remove takes a machine out, while it has its index.
func (t *machineTable) remove(m *machine) {
	t.count--
	self, short := m.link(), t.short(m.hash)
	switch first := t.first[short]; {
	case first != self:
		before := first.in(*t.digest.machines)
		for before.sameHash != self {
			before = before.sameHash.in(*t.digest.machines)
		}
		before.sameHash = m.sameHash
	case m.sameHash == 0:
		delete(t.first, short)
	default:
		t.first[short] = m.sameHash
	}
}
