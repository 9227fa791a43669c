package node

import "github.com/lockstep-dst/lockstep/node/internal/invariant"

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

func newMachineTable(d *digest) machineTable {
	return machineTable{digest: d, first: map[uint32]chainLink{}, mask: 1<<32 - 1}
}

func (t *machineTable) short(hash uint64) uint32 { return uint32(hash) & t.mask }

// get returns the machine with a key, or nil.
func (t *machineTable) get(key string) *machine {
	hash := t.digest.place(key)
	for link := t.first[t.short(hash)]; link != 0; {
		m := t.at(link)
		if m.hash == hash && m.key == key {
			return m
		}
		link = m.sameHash
	}
	return nil
}

// put adds a machine with a new key, once it has its index.
func (t *machineTable) put(m *machine) {
	m.sameHash = t.first[t.short(m.hash)]
	t.first[t.short(m.hash)] = chainLink(m.index + 1)
	t.count++
}

// remove takes a machine out, while it has its index.
func (t *machineTable) remove(m *machine) {
	t.count--
	self, short := chainLink(m.index+1), t.short(m.hash)
	switch first := t.first[short]; {
	case first != self:
		before := t.at(first)
		for before.sameHash != self {
			before = t.at(before.sameHash)
		}
		before.sameHash = m.sameHash
	case m.sameHash == 0:
		delete(t.first, short)
	default:
		t.first[short] = m.sameHash
	}
}

// at returns the machine of a link.
func (t *machineTable) at(link chainLink) *machine {
	invariant.Check(link != 0, "node: a machine is in the chain of its hash")
	return (*t.digest.machines)[link-1]
}
