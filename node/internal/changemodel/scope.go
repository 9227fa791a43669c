package changemodel

import (
	"fmt"
	"math/bits"
	"strings"
)

// Nodes is a set of nodes: bit i stands for node i+1.
type Nodes uint8

// Set returns the set of nodes with ids from 1 on.
func Set(ids ...int) (s Nodes) {
	for _, id := range ids {
		s |= 1 << (id - 1)
	}
	return s
}

func (s Nodes) String() (text string) {
	for i := range maxNodes {
		if s.has(i) {
			text += fmt.Sprint(i + 1)
		}
	}
	return text
}

func (s Nodes) has(i int) bool { return s>>i&1 != 0 }

func (s Nodes) size() int { return bits.OnesCount8(uint8(s)) }

// majority reports whether s has more than half of the members.
func (s Nodes) majority(members Nodes) bool {
	return 2*(s&members).size() > members.size()
}

// Config is a configuration of the cluster: its members, and how they choose.
type Config uint8

// The configurations of a change, by epoch.
const (
	Before Config = iota // epoch 1: the old members
	Joint                // epoch 2: a majority of the old ones and a majority of the new
	After                // epoch 3: the new members
	Back                 // epoch 3, too: the old members, as the change was abandoned
	configs
)

var configNames = [configs]string{"before", "joint", "after", "back"}

func (c Config) String() string { return configNames[c] }

func (c Config) epoch() int { return [configs]int{1, 2, 3, 3}[c] }

// Round is a round of the key that may take place.
type Round struct {
	Config Config
	Writes uint8 // the write that it may add, one bit; 0: an identity round
}

// Scope bounds an exploration.
type Scope struct {
	Old, New Nodes
	Rounds   []Round  // of the key, by ballot
	Changes  []Config // rounds of the configuration, by ballot: the configuration that each is of
	Read     bool     // there is one read, in any configuration
	Repair   bool     // nodes pull values from each other
	AtOnce   bool     // the configuration is chosen in one step, without promises and acceptances
}

// String names a scope, as in "123 to 234: before +1, joint, after +2".
func (s Scope) String() string {
	var parts []string
	for _, r := range s.Rounds {
		if r.Writes == 0 {
			parts = append(parts, r.Config.String())
			continue
		}
		parts = append(parts, fmt.Sprintf("%v +%d", r.Config, bits.Len8(r.Writes)))
	}
	if s.Read {
		parts = append(parts, "a read")
	}
	if s.Repair {
		parts = append(parts, "repair")
	}
	if !s.AtOnce {
		parts = append(parts, fmt.Sprintf("rounds of the configuration in %v", s.Changes))
	}
	return fmt.Sprintf("%v to %v: %s", s.Old, s.New, strings.Join(parts, ", "))
}

// The registers.
const (
	configuration = 0
	key           = 1
	registers     = 2
)

const (
	maxNodes  = 5
	maxRounds = 6 // of the key; of the configuration fewer, see rounds
)

// rounds is the number of rounds of a register that a state has room for.
var rounds = [registers]int{configuration: 4, key: maxRounds}

// model is a scope and the rule that is left out.
type model struct {
	Scope
	without Rule
	rounds  [registers][]Round // the rounds by ballot; of the configuration, without writes
	nodes   []int              // that take part
	classes [][]int            // nodes that differ by nothing but their names
}

func newModel(s Scope, without Rule) *model {
	m := &model{Scope: s, without: without}
	m.rounds[key] = s.Rounds
	for _, c := range s.Changes {
		m.rounds[configuration] = append(m.rounds[configuration], Round{Config: c})
	}
	for _, set := range []Nodes{s.Old & s.New, s.Old &^ s.New, s.New &^ s.Old} {
		var class []int
		for i := range maxNodes {
			if set.has(i) {
				class = append(class, i)
			}
		}
		m.nodes = append(m.nodes, class...)
		m.classes = append(m.classes, class)
	}
	return m
}

// members are the members of a configuration.
func (m *model) members(c Config) Nodes {
	return [configs]Nodes{m.Old, m.Old | m.New, m.New, m.Old}[c]
}
