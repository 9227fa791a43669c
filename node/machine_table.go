package node

import "github.com/lockstep-dst/lockstep/node/hash64"

// machineTable finds machines by their keys. A map from keys to pointers would take some 38 bytes
// for each of a million; this one takes 18, without the list by index. Machines of the same short
// hash are a chain. Hashes depend on a number that clients do not know: they choose the keys.
type machineTable struct {
	salt     uint64
	machines *[]*machine // by index
	first    map[uint32]chainLink
	mask     uint32 // of short hashes: all bits, but in tests
	count    int
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

func newMachineTable(salt uint64, machines *[]*machine) machineTable {
	return machineTable{salt: salt, machines: machines, first: map[uint32]chainLink{}, mask: 1<<32 - 1}
}

func (t *machineTable) short(key string) uint32 {
	return uint32(hash64.Keyed(t.salt, 0, key, 0)) & t.mask
}

// get returns the machine with a key, or nil.
func (t *machineTable) get(key string) *machine {
	m := t.first[t.short(key)].in(*t.machines)
	for m != nil && m.key != key {
		m = m.sameHash.in(*t.machines)
	}
	return m
}

// put adds a machine with a new key, once it has its index.
func (t *machineTable) put(m *machine) {
	short := t.short(m.key)
	m.sameHash, t.first[short] = t.first[short], m.link()
	t.count++
}

// remove takes a machine out, while it has its index.
func (t *machineTable) remove(m *machine) {
	t.count--
	self, short := m.link(), t.short(m.key)
	switch first := t.first[short]; {
	case first != self:
		before := first.in(*t.machines)
		for before.sameHash != self {
			before = before.sameHash.in(*t.machines)
		}
		before.sameHash = m.sameHash
	case m.sameHash == 0:
		delete(t.first, short)
	default:
		t.first[short] = m.sameHash
	}
}
