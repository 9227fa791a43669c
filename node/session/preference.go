package session

import (
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// preferenceList is the order in which nodes are asked: the one that the operation
// names, then the machine's home and the nodes after it.
func (s *Session) preferenceList(op Operation) []node.ID {
	order := s.preferences[op.Key]
	if order == nil {
		order = PreferenceList(op.Key, s.cfg.Nodes)
		s.preferences[op.Key] = order
	}
	if i := slices.Index(order, op.Node); i > 0 {
		order = slices.Insert(slices.Delete(slices.Clone(order), i, i+1), 0, op.Node)
	}
	return order
}

// PreferenceList orders nodes by how much a machine is theirs: its home first (rendezvous
// hashing: Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit
// Rates", 1998). All clients that know the same nodes agree. It is a hint: a
// machine whose operations all come by one node has no duels.
func PreferenceList(key string, nodes []node.ID) []node.ID {
	order := slices.Clone(nodes)
	slices.SortFunc(order, func(a, b node.ID) int {
		switch x, y := weight(key, a), weight(key, b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return int(a) - int(b)
	})
	return order
}

func weight(key string, id node.ID) uint64 {
	return mix(hash(key) ^ uint64(id)*0x9e3779b97f4a7c15)
}

// pause is a jittered wait.
func (c *Call) pause() time.Duration {
	h := mix(hash(c.id.Name()) ^ c.s.cfg.Jitter ^ uint64(c.attempts)<<32)
	return time.Duration(h % uint64(c.s.cfg.MaxPause))
}

// hash is FNV-1a.
func hash(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

// mix spreads all bits (the MurmurHash3 finaliser, Stafford's variant 13).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
