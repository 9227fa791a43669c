package node

import (
	"math/bits"

	"github.com/lockstep-dst/lockstep/node/hash64"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// digest is a sum over all machines with an accepted value, of a hash of the
// machine's key, its accepted ballot, and whether that ballot is known to be
// chosen. Nodes with equal digests hold the same values (rule 10).
//
// A machine has a place in the space of all hashes: that of its key. The space
// is a tree with 16 children per node; a leaf is split once it has more machines than
// repairLimits.leaf. So a difference is found in few steps, a change costs a few
// additions, and a few machines cost nothing. Nodes need not split alike: a peer
// may request ranges of any size (see HashRange).
type digest struct {
	salt     uint64 // of the places of keys: see place
	limits   repairLimits
	machines *[]*machine // of the node, by index
	root     subtree
	// progress measures how much a node holds: twice the height of each accepted
	// ballot, plus one if it is known to be chosen.
	progress uint64
}

// subtree is a part of the space, either split into children or a leaf.
type subtree struct {
	sum      uint64
	count    uint32
	children *[fanout]subtree
	leaf     []uint32 // leaf: indexes of its machines
}

const (
	fanout   = 16
	maxDepth = 16 // a hash has 64 bits
)

// HashRange is a range of hashes: all that begin with Path, a hexadecimal number of
// Depth digits. Depth 0 is the whole space.
type HashRange struct {
	Path   uint64
	Depth  uint8
	Digest uint64 // of the sender's machines in it; 0 in requests
}

// Valid reports whether r is a range: no deeper than a hash, and Path no longer
// than Depth.
func (r HashRange) Valid() bool {
	return r.Depth <= maxDepth && (r.Depth == maxDepth || r.Path>>(4*r.Depth) == 0)
}

func (r HashRange) child(i int) HashRange {
	return HashRange{Path: r.Path<<4 | uint64(i), Depth: r.Depth + 1}
}

func (r HashRange) parent() HashRange { return HashRange{Path: r.Path >> 4, Depth: r.Depth - 1} }

func (r HashRange) contains(hash uint64) bool { return r.Depth == 0 || hash>>(64-4*r.Depth) == r.Path }

// digit is the digit of a hash at a depth.
func digit(hash uint64, depth int) uint64 { return hash >> (60 - 4*depth) & (fanout - 1) }

// contribution is one machine's share of the digest.
type contribution struct{ sum, progress uint64 }

func (m *machine) contribution() contribution {
	b := m.accepted
	if b.IsZero() {
		return contribution{}
	}
	known := uint64(0)
	if m.chosenBallot() == b {
		known = 1
	}
	proposer := b.Boot*0x9fb21c651e98df25 ^ uint64(b.Epoch)<<32 ^ uint64(b.Node)<<1 ^ known
	h := mix(m.hash+b.Round*0xa24baed4963ee407, proposer)
	return contribution{max(h, 1), 2*height(b) + known}
}

// height is a ballot as progress counts it. A round of a later epoch may have a lower number, since
// its proposer need not know the highest one, but not by many: an epoch counts as 2^20 rounds.
func height(b Ballot) uint64 {
	const epochs = 1 << 19
	return boundedRound(b.Round) + uint64(b.Epoch-firstEpoch)%epochs<<20
}

// boundedRound is a round as height counts it: below 2^41, so that the sum over millions does not
// wrap. If it did, the node that holds less would seem to hold more, and each would let the other
// pull first. Of two high rounds that are close the greater stays the greater, but where one of them
// passes a multiple of 2^40: then repair is slow once.
func boundedRound(round uint64) uint64 {
	const half = 1 << 40
	if round < half {
		return round
	}
	return half + round%half
}

// update adds the change of m's contribution since old. It reports whether there is one.
func (d *digest) update(m *machine, old contribution) (changed bool) {
	now := m.contribution()
	if now == old {
		return false
	}
	d.progress += now.progress - old.progress
	d.add(m, now.sum-old.sum, old.sum == 0)
	return true
}

// add adds sum to all subtrees that contain m. fresh adds m itself.
func (d *digest) add(m *machine, sum uint64, fresh bool) {
	b := &d.root
	for depth := 0; ; depth++ {
		b.sum += sum
		if fresh {
			b.count++
		}
		if b.children == nil {
			invariant.Check(b.count > 0 && depth <= maxDepth, "node: a machine is in the digest once it has contributed")
			if fresh {
				b.leaf = append(b.leaf, m.index)
				d.splitLeaf(b, depth)
			}
			return
		}
		b = &b.children[digit(m.hash, depth)]
	}
}

// splitLeaf splits a leaf that has too many machines.
func (d *digest) splitLeaf(b *subtree, depth int) {
	if len(b.leaf) <= d.limits.leaf || depth == maxDepth {
		return
	}
	b.children = new([fanout]subtree)
	for _, i := range b.leaf {
		m := (*d.machines)[i]
		k := &b.children[digit(m.hash, depth)]
		k.sum += m.contribution().sum
		k.count++
		k.leaf = append(k.leaf, i)
	}
	b.leaf = nil
}

// findSubtree returns the smallest subtree that contains r, and whether it is
// exactly r.
func (d *digest) findSubtree(r HashRange) (b *subtree, exact bool) {
	b = &d.root
	for depth := range int(r.Depth) {
		if b.children == nil {
			return b, false
		}
		b = &b.children[r.Path>>(4*(int(r.Depth)-1-depth))&(fanout-1)]
	}
	return b, true
}

// of returns the digest and the number of the machines in r.
func (d *digest) of(r HashRange) (sum uint64, count int) {
	b, exact := d.findSubtree(r)
	if exact {
		return b.sum, int(b.count)
	}
	for _, i := range b.leaf {
		if m := (*d.machines)[i]; r.contains(m.hash) {
			sum += m.contribution().sum
			count++
		}
	}
	return sum, count
}

// leafAt returns the machines of the leaf that has a place, and how many places it has: 0 for all 2^64.
func (d *digest) leafAt(place uint64) (machines []uint32, places uint64) {
	b, depth := &d.root, 0
	for ; b.children != nil; depth++ {
		b = &b.children[digit(place, depth)]
	}
	return b.leaf, 1 << (64 - 4*depth)
}

// countRound returns the number of machines in all leaves but those of the first places round the
// space, from a leaf's begin to another's.
func (d *digest) countRound(from, places uint64) (count int) {
	if places == 0 {
		return int(d.root.count)
	}
	if end := from + places; from < end {
		return d.countBelow(from) + int(d.root.count) - d.countBelow(end)
	}
	return d.countBelow(from) - d.countBelow(from+places)
}

// countBelow returns the number of machines in the leaves below a place, at which a leaf begins.
func (d *digest) countBelow(place uint64) (count int) {
	b := &d.root
	for depth := 0; b.children != nil; depth++ {
		at := digit(place, depth)
		for i := range at {
			count += int(b.children[i].count)
		}
		b = &b.children[at]
	}
	return count
}

// describe adds the content of r to the report: items if they are
// few, else the digests of its parts. It reports false if there is no room.
func (d *digest) describe(r HashRange, rep *RepairReport) bool {
	_, count := d.of(r)
	if count > d.limits.leaf && r.Depth < maxDepth {
		return d.describeParts(r, rep)
	}
	if len(rep.Items) > 0 && len(rep.Items)+count > d.limits.list {
		return false
	}
	b, _ := d.findSubtree(r)
	for _, i := range b.leaf {
		if m := (*d.machines)[i]; r.contains(m.hash) && len(rep.Items) < d.limits.list {
			rep.Items = append(rep.Items, RepairItem{m.key, m.accepted, m.chosenBallot() == m.accepted})
		}
	}
	return true
}

func (d *digest) describeParts(r HashRange, rep *RepairReport) bool {
	if len(rep.Ranges)+fanout > d.limits.list {
		return false
	}
	for i := range fanout {
		part := r.child(i)
		sum, count := d.of(part)
		if part.Digest = sum; count > 0 {
			rep.Ranges = append(rep.Ranges, part)
		}
	}
	return true
}

// place is the place of a key in the space. It depends on the cluster's id. A client that knows the
// cluster's name can find names that collide, at the cost of 2^32 hashes for two.
func (d *digest) place(key string) uint64 { return hash64.Keyed(d.salt, 0, key, 0) }

// salt makes the hashes of one cluster differ from another's.
func salt(cluster [16]byte) (h uint64) {
	for _, x := range cluster {
		h = mix(h, uint64(x))
	}
	return h
}

// mix folds x into h: the xor of the two halves of a 128-bit product.
func mix(h, x uint64) uint64 {
	hi, lo := bits.Mul64(h^0x9e3779b97f4a7c15, x^0xd6e8feb86659fd93)
	return hi ^ lo ^ bits.RotateLeft64(h, 31)
}
