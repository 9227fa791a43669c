package changemodel

import (
	"math/bits"
	"slices"
)

// state is a state of the cluster.
type state struct {
	nodes [maxNodes]node
	sent  [registers][maxRounds]uint8 // the value that the accepts of a ballot carry, plus 1; 0: none was sent

	reading uint8 // 1 plus the configuration that a read takes place in; readDone when it has ended
	must    uint8 // the writes that the read must show, and when it has ended, has shown
	shown   uint8 // 1 plus the ballot that it has shown
}

const readDone = 1 + uint8(configs)

// node is the durable state of one node, and the promises that it has told.
type node struct {
	config   Config
	promised [registers]uint8            // 1 plus the highest ballot
	accepted [registers]uint8            // the ballots, a bit each
	reported [registers][maxRounds]uint8 // 1 plus highest() as it was at the promise of a ballot; 0: not promised, or no longer of interest
	repaired uint8                       // ballots of the key that it accepted of a peer, and so acknowledged to nobody
	absent   bool                        // it has listed its keys, and had accepted none
	read     uint8                       // 1 plus highest() as it was told to the read
}

// highest is 1 plus the highest ballot accepted; 0: none.
func (n *node) highest(r int) uint8 {
	if r == key {
		return uint8(bits.Len8(n.accepted[key] | n.repaired))
	}
	return uint8(bits.Len8(n.accepted[r]))
}

// packed is a state in few words. Each node is a word.
type packed [maxNodes + 1]uint64

func (n *node) pack() (w uint64) {
	put := func(v uint8, bits int) { w = w<<bits | uint64(v) }
	put(uint8(n.config), 2)
	for r := range registers {
		put(n.promised[r], 3)
		put(n.accepted[r], rounds[r])
		for _, v := range n.reported[r][:rounds[r]] {
			put(v, 3)
		}
	}
	put(n.repaired, maxRounds)
	if put(0, 1); n.absent {
		w |= 1
	}
	put(n.read, 3)
	return w
}

func unpackNode(w uint64) (n node) {
	get := func(bits int) (v uint8) {
		v = uint8(w & (1<<bits - 1))
		w >>= bits
		return v
	}
	n.read = get(3)
	n.absent = get(1) != 0
	n.repaired = get(maxRounds)
	for r := registers - 1; r >= 0; r-- {
		for b := rounds[r] - 1; b >= 0; b-- {
			n.reported[r][b] = get(3)
		}
		n.accepted[r] = get(rounds[r])
		n.promised[r] = get(3)
	}
	n.config = Config(get(2))
	return n
}

func (s *state) pack() (p packed) {
	for i := range s.nodes {
		p[i] = s.nodes[i].pack()
	}
	var w uint64
	for r := range registers {
		for _, v := range s.sent[r] {
			w = w<<4 | uint64(v)
		}
	}
	p[maxNodes] = ((w<<3|uint64(s.reading))<<4|uint64(s.must))<<3 | uint64(s.shown)
	return p
}

func (p *packed) unpack() (s state) {
	for i := range s.nodes {
		s.nodes[i] = unpackNode(p[i])
	}
	w := p[maxNodes]
	s.shown, s.must, s.reading = uint8(w&7), uint8(w>>3&15), uint8(w>>7&7)
	w >>= 10
	for r := registers - 1; r >= 0; r-- {
		for b := maxRounds - 1; b >= 0; b-- {
			s.sent[r][b] = uint8(w & 15)
			w >>= 4
		}
	}
	return s
}

// canonical is p with the nodes of each class in order: states that differ by names alone
// are one.
func (m *model) canonical(p packed) packed {
	for _, class := range m.classes {
		words := make([]uint64, 0, maxNodes)
		for _, i := range class {
			words = append(words, p[i])
		}
		slices.Sort(words)
		for j, i := range class {
			p[i] = words[j]
		}
	}
	return p
}
