package checker

import "slices"

// effect is a step that took effect.
type effect struct {
	op int32 // its operation; of an unknown step any operation of its kind
	at int32 // number of events that had come by then
}

// effects are the steps that led to the configurations of a walk: a tree, in which a
// configuration is the end of a path.
type effects struct {
	nodes []effectNode // the first is the root: no effect
	at    int32        // number of events that have come
	kept  int          // number of nodes after the last collection
}

type effectNode struct {
	effect
	before int32 // the node before it
}

// minCollected is the least number of nodes at which to drop the ones that led nowhere.
const minCollected = 1 << 16

func newEffects() *effects { return &effects{nodes: make([]effectNode, 1)} }

// add adds the step of an operation behind a node.
func (e *effects) add(before, op int32) int32 {
	e.nodes = append(e.nodes, effectNode{effect{op, e.at}, before})
	return int32(len(e.nodes) - 1)
}

// path returns the steps to a node, the first one first.
func (e *effects) path(last int32) (path []effect) {
	for ; last > 0; last = e.nodes[last].before {
		path = append(path, e.nodes[last].effect)
	}
	slices.Reverse(path)
	return path
}

// full reports whether it is time to collect.
func (e *effects) full() bool { return len(e.nodes) > max(minCollected, 2*e.kept) }

// collect drops the nodes that lead to no configuration of the users. Nodes stay in
// order, so each is behind the one before it.
func (e *effects) collect(users ...*linearizer) {
	numbers := make([]int32, len(e.nodes))
	numbers[0] = 1 // not zero: the node stays
	for _, l := range users {
		for _, last := range l.configurations.lasts {
			for ; numbers[last] == 0; last = e.nodes[last].before {
				numbers[last] = 1
			}
		}
	}
	n := int32(0)
	for i, node := range e.nodes {
		if numbers[i] == 0 {
			continue
		}
		node.before = numbers[node.before] // of the root any number will do
		e.nodes[n], numbers[i] = node, n
		n++
	}
	e.nodes = e.nodes[:n]
	e.kept = len(e.nodes)
	for _, l := range users {
		for i, last := range l.configurations.lasts {
			l.configurations.lasts[i] = numbers[last]
		}
	}
}
