package node

import "math/bits"

// digest is a sum over all machines that have accepted something, of a hash of
// the machine's key, its accepted ballot, and whether that is known to be
// chosen. Nodes with equal digests hold the same (rule 10).
//
// Machines have places in the space of all hashes, which is divided by 16, and
// again, wherever a part holds more than a few. So what differs is found in
// few steps, a change costs a few additions, and a few machines cost nothing.
// How far this node has divided its space is no other's business: parts of
// any size can be asked for (see Range).
type digest struct {
	root subtree
	// progress is how far a node is: what follows from something has more of it.
	progress uint64
}

// subtree is one part of the space: divided into kids, or not.
type subtree struct {
	sum      uint64
	count    uint32
	children *[fanout]subtree
	leaf     []uint32 // not divided: the machines, by index
}

const (
	fanout   = 16
	maxDepth = 16 // of hashes with 64 bits
	maxLeaf  = 64 // machines in a part that is not divided
)

// HashRange is a part of the space of hashes: those that begin with the Depth lowest
// digits of Path, in base 16. Depth 0 is all of it.
type HashRange struct {
	Path   uint64
	Depth  uint8
	Digest uint64 // of what the speaker holds there; 0 in questions
}

// Valid reports whether r is a range: no deeper than hashes go, and Path no longer
// than Depth.
func (r HashRange) Valid() bool {
	return r.Depth <= maxDepth && (r.Depth == maxDepth || r.Path>>(4*r.Depth) == 0)
}

func (r HashRange) child(i int) HashRange {
	return HashRange{Path: r.Path<<4 | uint64(i), Depth: r.Depth + 1}
}

func (r HashRange) parent() HashRange { return HashRange{Path: r.Path >> 4, Depth: r.Depth - 1} }

func (r HashRange) contains(hash uint64) bool { return r.Depth == 0 || hash>>(64-4*r.Depth) == r.Path }

// digit is the place of a hash in a part of some depth.
func digit(hash uint64, depth int) uint64 { return hash >> (60 - 4*depth) & (fanout - 1) }

// contribution is what one machine contributes to the digest.
type contribution struct{ sum, progress uint64 }

func (m *machine) contribution() contribution {
	b := m.accepted
	if b.IsZero() {
		return contribution{}
	}
	known := uint64(0)
	if m.chosenAt == b {
		known = 1
	}
	proposer := b.Boot*0x9fb21c651e98df25 ^ uint64(b.Epoch)<<32 ^ uint64(b.Node)<<1 ^ known
	h := mix(m.hash+b.Round*0xa24baed4963ee407, proposer)
	return contribution{max(h, 1), 2*b.Round + known}
}

// updateDigest takes note that m, which stood at before, has changed.
func (n *Node) updateDigest(m *machine, before contribution) {
	now := m.contribution()
	if now == before {
		return
	}
	n.digest.progress += now.progress - before.progress
	n.addToDigest(m, now.sum-before.sum, before.sum == 0)
	n.digestChanged()
}

// addToDigest changes the sums of all parts that m is in.
func (n *Node) addToDigest(m *machine, sum uint64, fresh bool) {
	b := &n.digest.root
	for depth := 0; ; depth++ {
		b.sum += sum
		if fresh {
			b.count++
		}
		if b.children == nil {
			if fresh {
				b.leaf = append(b.leaf, uint32(m.index))
				n.splitLeaf(b, depth)
			}
			return
		}
		b = &b.children[digit(m.hash, depth)]
	}
}

// splitLeaf divides a part that has become too large to be listed.
func (n *Node) splitLeaf(b *subtree, depth int) {
	if len(b.leaf) <= maxLeaf || depth == maxDepth {
		return
	}
	b.children = new([fanout]subtree)
	for _, i := range b.leaf {
		m := n.byIndex[i]
		k := &b.children[digit(m.hash, depth)]
		k.sum += m.contribution().sum
		k.count++
		k.leaf = append(k.leaf, i)
	}
	b.leaf = nil
}

// findSubtree is the smallest part that this node has of its own and r is in.
func (n *Node) findSubtree(r HashRange) (b *subtree, exact bool) {
	b = &n.digest.root
	for depth := range int(r.Depth) {
		if b.children == nil {
			return b, false
		}
		b = &b.children[r.Path>>(4*(int(r.Depth)-1-depth))&(fanout-1)]
	}
	return b, true
}

// rangeDigest is the digest and the number of the machines in r.
func (n *Node) rangeDigest(r HashRange) (sum uint64, count int) {
	b, exact := n.findSubtree(r)
	if exact {
		return b.sum, int(b.count)
	}
	for _, i := range b.leaf {
		if m := n.byIndex[i]; r.contains(m.hash) {
			sum += m.contribution().sum
			count++
		}
	}
	return sum, count
}

// hash gives a key its place. The cluster's random id is part of it, so that
// nobody can choose names that meet at one place.
func (n *Node) hash(key string) uint64 { return jitter(n.salt, 0, key, 0) }

// salt makes one cluster's hashes different from another's.
func salt(cluster [16]byte) (h uint64) {
	for _, x := range cluster {
		h = mix(h, uint64(x))
	}
	return h
}

// mix folds x into h: a product of 128 bits, and its halves xored.
func mix(h, x uint64) uint64 {
	hi, lo := bits.Mul64(h^0x9e3779b97f4a7c15, x^0xd6e8feb86659fd93)
	return hi ^ lo ^ bits.RotateLeft64(h, 31)
}
