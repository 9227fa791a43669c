package scenarios

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// HealOperation is the attempt-th fresh operation (from 1) on an object of w, which has
// that place in p.Machines (from 0), in one wave of the heal phase (from 1).
// Attempts after the first follow ones without a certain outcome.
func (p *Plan) HealOperation(w Workload, wave, place int, key string, attempt int) *Operation {
	choice := keyed.Seed(p.Seed).Name("heal").Name(key).Word(uint64(wave)).Word(uint64(attempt))
	o := &Operation{
		ID:     fmt.Sprintf("h%d.%d.%d", wave, place+1, attempt),
		Client: HealClient,
		At:     p.Heal.At,
		Node:   1 + int(choice.Name("node").Below(uint64(p.Nodes))),
		Key:    key,
	}
	w.Fresh(Choices{Seeded{choice}}, p, o)
	return o
}
