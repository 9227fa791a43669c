package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// machineTable is the set of machines of a load, and what its clients know of them:
// the newest state that one has seen, so that most proposals are legal.
type machineTable struct {
	keys   []string
	states []string // of the definition, in the order of its circle
	known  []atomic.Uint64
}

// newMachineTable returns n machines lifecycle/PREFIX-1, ...
func newMachineTable(prefix string, n int) *machineTable {
	d := fsm.Lifecycle()
	t := &machineTable{states: d.States, keys: make([]string, n), known: make([]atomic.Uint64, n)}
	for i := range t.keys {
		t.keys[i] = machineKey(prefix, i)
	}
	return t
}

// machineKey returns the key of machine i, from 0.
func machineKey(prefix string, i int) string {
	return fmt.Sprintf("%s/%s-%d", fsm.Lifecycle().Name, prefix, i+1)
}

// stateBits is the number of low bits of a known state that tell the state; the
// others tell the version.
const stateBits = 2

// next returns the state that is legal next for a machine, as far as is known.
func (t *machineTable) next(i int) string {
	state := t.known[i].Load() & (1<<stateBits - 1)
	return t.states[(int(state)+1)%len(t.states)]
}

// learn records a state of a machine, unless a newer one is known.
func (t *machineTable) learn(i int, state string, version uint64) {
	seen := version<<stateBits | uint64(max(slices.Index(t.states, state), 0))
	for {
		old := t.known[i].Load()
		if old >= seen || t.known[i].CompareAndSwap(old, seen) {
			return
		}
	}
}

// Spreads: ways in which a client chooses a machine for each operation.
const (
	spreadFixed   = "fixed"   // client I always takes machine I, modulo the machines
	spreadUniform = "uniform" // any, with equal probability
	spreadZipf    = "zipf"    // any, few of them often: Zipf's law
)

var spreads = []string{spreadFixed, spreadUniform, spreadZipf}

// zipfExponent makes the first of a million machines some 12 % of the operations.
const zipfExponent = 1.1

// chooser returns a function that chooses machines for client i, from 0.
func (t *machineTable) chooser(spread string, i int, choice *rand.Rand) func() int {
	n := len(t.keys)
	switch spread {
	case spreadUniform:
		return func() int { return choice.IntN(n) }
	case spreadZipf:
		zipf := rand.NewZipf(choice, zipfExponent, 1, uint64(n-1))
		return func() int { return int(zipf.Uint64()) }
	}
	return func() int { return i % n }
}
