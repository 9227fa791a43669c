package scenarios

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// HealOperation is the attempt-th fresh operation (from 1) on a machine, which has
// that place in p.Machines (from 0), in one wave of the heal phase (from 1).
// Attempts after the first follow ones without a certain outcome.
func (p *Plan) HealOperation(wave, place int, key string, attempt int) *Operation {
	d, _ := p.Definition(key)
	choice := keyed.Seed(p.Seed).Name("heal").Name(key).Word(uint64(wave)).Word(uint64(attempt))
	o := &Operation{
		ID:     fmt.Sprintf("h%d.%d.%d", wave, place+1, attempt),
		Client: HealClient,
		At:     p.Heal.At,
		Node:   1 + int(choice.Name("node").Below(uint64(p.Nodes))),
		Key:    key,
		Kind:   Propose,
	}
	if d.Name == fsm.MetaName {
		o.Kind = Define
	} else {
		o.Argument = d.States[choice.Name("to").Below(uint64(len(d.States)))]
	}
	return o
}
