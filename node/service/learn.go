package service

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
)

// learn publishes the values that a step has shown to be chosen. It also adds
// machines with an accepted value to the index: this node may be the only one that
// can list them.
func (s *Service) learn(e *node.Effects) {
	for i := range e.Chosen {
		c := &e.Chosen[i]
		if c.Key == configuration.Key { // of the cluster: no user lists or watches it
			continue
		}
		if c.Had == nil {
			s.index.insert(c.Key)
		}
		if IsNewer(c.Had, c.Value) {
			s.hub.publish(Change{c.Key, c.Had, c.Value}, s.cfg.Changes)
		}
	}
	for i := range s.batch {
		s.addAccepted(s.batch[i].Message)
	}
	for i := range e.Sends {
		if i == 0 || e.Sends[i].Message != e.Sends[i-1].Message { // once for all peers
			s.addAccepted(e.Sends[i].Message)
		}
	}
}

// addAccepted adds the machine of an accept proposal or a repair value to the index,
// if the node has accepted a value of it.
func (s *Service) addAccepted(m node.Message) {
	var key string
	switch m := m.(type) {
	case *node.Proposal:
		if m.Phase != node.Accept {
			return
		}
		key = m.Key
	case *node.RepairValue:
		key = m.Key
	default:
		return
	}
	st := s.node.Inspect(key)
	if key != configuration.Key && st.Value != nil && st.Learnt == nil { // what it has learnt was in e.Chosen
		s.index.insert(st.Key)
	}
}

// buildIndex builds, after boot, the index of the machines of which the node has a
// value.
func (s *Service) buildIndex() {
	s.index = newIndex(slices.DeleteFunc(s.node.Keys(), func(key string) bool {
		return key == configuration.Key || !s.node.HasValue(key)
	}))
}
