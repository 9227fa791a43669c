package shrink

import (
	"reflect"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// mergeMachines moves the operations of one machine to another.
func (s *search) mergeMachines() {
	for s.tryPairs(len(s.plan.Machines()), func(gone, kept int) *scenarios.Plan {
		machines := s.plan.Machines()
		return renamed(s.plan, map[string]string{machines[gone]: machines[kept]}, nil)
	}) {
	}
}

// mergeClients moves the operations of one client to another.
func (s *search) mergeClients() {
	for s.tryPairs(s.plan.Clients, func(gone, kept int) *scenarios.Plan { return withoutClient(s.plan, gone+1, kept+1) }) {
	}
}

// tryPairs tries all pairs of numbers below n, the larger one first.
func (s *search) tryPairs(n int, candidate func(gone, kept int) *scenarios.Plan) bool {
	var pairs [][2]int
	for gone := n - 1; gone > 0; gone-- {
		for kept := range gone {
			pairs = append(pairs, [2]int{gone, kept})
		}
	}
	return s.tryFirst(len(pairs), func(i int) *scenarios.Plan { return candidate(pairs[i][0], pairs[i][1]) }) >= 0
}

// withoutClient is p with the operations of one client moved to another.
func withoutClient(p *scenarios.Plan, gone, kept int) *scenarios.Plan {
	q := clone(p)
	number := func(c int) int {
		switch {
		case c == gone:
			return kept
		case c > gone:
			return c - 1
		}
		return c
	}
	for i := range q.Operations {
		o := &q.Operations[i]
		o.Client = number(o.Client)
	}
	remap(reflect.ValueOf(q).Elem(), func(id sim.ID) (sim.ID, bool) {
		if c := int(id) - 100; c > 0 && c <= p.Clients {
			return scenarios.ClientID(number(c)), true
		}
		return id, true
	})
	q.Clients--
	return q
}

// fewestNodes is the smallest number of nodes: with fewer, a majority is all of
// them.
const fewestNodes = 3

// dropNodes removes nodes, two at a time if it can, since an even number of nodes
// needs a larger majority.
func (s *search) dropNodes() {
	for s.plan.Nodes > fewestNodes {
		n := s.plan.Nodes
		two := n-2 >= fewestNodes && s.tryPairs(n, func(a, b int) *scenarios.Plan {
			return withoutNode(withoutNode(s.plan, a+1), b+1)
		})
		if !two && s.tryFirst(n, func(i int) *scenarios.Plan { return withoutNode(s.plan, n-i) }) < 0 {
			return
		}
	}
}

// withoutNode is p without a node. The nodes after it are renumbered. Operations
// that named it leave the choice of a node to their client.
func withoutNode(p *scenarios.Plan, gone int) *scenarios.Plan {
	q := clone(p)
	for i := range q.Operations {
		switch o := &q.Operations[i]; {
		case o.Node == gone:
			o.Node = 0
		case o.Node > gone:
			o.Node--
		}
	}
	if gone <= len(q.Clocks) {
		removeRange(reflect.ValueOf(&q.Clocks).Elem(), gone-1, gone)
	}
	remap(reflect.ValueOf(q).Elem(), func(id sim.ID) (sim.ID, bool) {
		switch n := int(id); {
		case n == gone:
			return 0, false
		case n > gone && n <= p.Nodes:
			return id - 1, true
		}
		return id, true
	})
	q.Nodes--
	return q
}
