package checker

import "math"

// node is a state in a search for a way.
type node struct {
	cost int
	done bool
	from int32 // the state before it
	via  move
	step int32 // the step in flight to it that returns first; none
	many int   // number of steps in flight to it
}

// move is a step of a way: one in flight, or an unknown one of a kind.
type move struct{ op, kind int32 }

func (s *scout) do(m move) {
	if m.op >= 0 {
		s.take(m.op)
	} else {
		s.use(m.kind)
	}
}

// Costs of steps on the way of a machine. What returns late, and what there is little
// of, would be of use for long.
const (
	stepCost   = 8
	lateCost   = 8
	scarceCost = 8
	rareCost   = 40 // of an unknown step, of which there are few
	commonCost = 2
	commonFrom = 4 // number of unknown steps of a kind that are not few
)

// serveMachine goes the cheapest way to a state in which c can take effect (Dijkstra).
func (s *scout) serveMachine(c *checkedOp) bool {
	s.spread(c)
	s.nodes[s.state].cost = 0
	for {
		at := s.nearest()
		if at == none {
			return false
		}
		if s.suits(at, c) {
			s.follow(at)
			if c.meaning == committedStep {
				s.take(s.indexOf(c))
			}
			return true
		}
		s.nodes[at].done = true
		for to := range s.nodes {
			if s.legal[int(at)*len(s.states)+to] && !s.nodes[to].done {
				s.reach(int32(to), at)
			}
		}
	}
}

// spread finds the steps in flight to each state, but for c.
func (s *scout) spread(c *checkedOp) {
	if len(s.nodes) == 0 {
		s.nodes = make([]node, len(s.states))
	}
	for v := range s.nodes {
		s.nodes[v] = node{cost: math.MaxInt, step: none}
	}
	for i, f := range s.steps {
		if f.to < 0 { // it can never take effect
			continue
		}
		n := &s.nodes[f.to]
		n.many++
		if o := &s.ops[f.op]; n.step == none && o != c && o.matches(o.to, o.version) {
			n.step = int32(i)
		}
	}
}

// nearest returns the state that costs least of those from which the search has yet
// to go on; none if there is none.
func (s *scout) nearest() (nearest int32) {
	nearest = none
	for v := range s.nodes {
		if n := &s.nodes[v]; !n.done && n.cost < math.MaxInt && (nearest == none || n.cost < s.nodes[nearest].cost) {
			nearest = int32(v)
		}
	}
	return nearest
}

// reach considers the ways to a state by one step from another.
func (s *scout) reach(to, from int32) {
	n := &s.nodes[to]
	consider := func(cost int, via move) {
		if cost += s.nodes[from].cost; cost < n.cost {
			n.cost, n.from, n.via = cost, from, via
		}
	}
	if n.step != none {
		f := s.steps[n.step]
		consider(stepCost+lateCost*int(n.step)/len(s.steps)+scarceCost/n.many+s.whim(f.op)+s.regret(f), move{f.op, none})
	}
	for k := s.unknown.last[to]; k != none; k = s.unknown.kinds[k].next {
		if s.unknown.kinds[k].left > 0 {
			consider(s.unknown.cost(k)+s.whim(k), move{none, k})
		}
	}
}

// suits reports whether c can take effect in a state.
func (s *scout) suits(state int32, c *checkedOp) bool {
	if c.meaning == committedStep {
		return s.allows(state, c)
	}
	return s.holdsIn(state, c.version, c)
}

// follow goes the way that the search found to a state.
func (s *scout) follow(to int32) {
	var way []move
	for v := to; v != s.state; v = s.nodes[v].from {
		way = append(way, s.nodes[v].via)
	}
	for i := range way {
		s.do(way[len(way)-1-i])
	}
}

// indexOf returns the number of a step in flight.
func (s *scout) indexOf(c *checkedOp) int32 {
	for _, f := range s.steps {
		if &s.ops[f.op] == c {
			return f.op
		}
	}
	return none
}

// stock is the unknown steps, by kind.
type stock struct {
	kinds []stockedKind
	last  []int32            // by state: the last kind that leads to it; none
	ids   map[[2]int32]int32 // from the states of a step to its kind
}

type stockedKind struct {
	from, to     int32
	first        int32 // operation
	called, left int   // so many steps, and so many of these that are not used
	next         int32 // that leads to the same state; none
}

func newStock(a *automaton) stock {
	return stock{last: filled(len(a.states)), ids: map[[2]int32]int32{}}
}

// call notes the call of an unknown step. It returns its kind.
func (u *stock) call(c *checkedOp) int32 {
	k := u.kind(c)
	u.kinds[k].called++
	u.kinds[k].left++
	return k
}

func (u *stock) kind(c *checkedOp) int32 {
	key := [2]int32{c.from, c.to}
	k, known := u.ids[key]
	if !known {
		k = int32(len(u.kinds))
		u.kinds = append(u.kinds, stockedKind{from: c.from, to: c.to, first: c.number, next: u.last[c.to]})
		u.last[c.to], u.ids[key] = k, k
	}
	return k
}

// has reports whether a step leads to a state.
func (u *stock) has(state int32) bool {
	for k := u.last[state]; k != none; k = u.kinds[k].next {
		if u.kinds[k].left > 0 {
			return true
		}
	}
	return false
}

// cost returns the cost of a step of a kind.
func (u *stock) cost(k int32) int {
	if u.kinds[k].left < commonFrom {
		return rareCost
	}
	return commonCost
}
