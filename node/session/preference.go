package session

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/hash64"
	"github.com/lockstep-dst/lockstep/node/op"
)

// preferenceList returns the nodes in the order in which they are tried: the
// operation's Node, if it names one, then the machine's PreferenceList.
func (s *Session) preferenceList(o Operation) []op.NodeID {
	order := s.preferences[o.Key]
	if order == nil {
		order = PreferenceList(o.Key, s.cfg.Nodes)
		s.preferences[o.Key] = order
	}
	if i := slices.Index(order, o.Node); i > 0 {
		order = slices.Insert(slices.Delete(slices.Clone(order), i, i+1), 0, o.Node)
	}
	return order
}

// PreferenceList orders nodes by their rendezvous hash with a machine's key
// (Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates",
// 1998). The first is the machine's home. All clients that know the same nodes get
// the same order. It is a hint: the proposers of a machine do not preempt each
// other if all its operations go to one node.
func PreferenceList(key string, nodes []op.NodeID) []op.NodeID {
	order := slices.Clone(nodes)
	slices.SortFunc(order, func(a, b op.NodeID) int {
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

func weight(key string, id op.NodeID) uint64 {
	return hash64.Finalise(hash64.FNV1a(0, key) ^ uint64(id)*0x9e3779b97f4a7c15)
}
