package scenarios

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// Fresh is the attempt-th (from 1) fresh operation of the heal phase on the
// machine-th (from 0) machine of p. Attempts after the first are for outcomes
// that stay unknown.
func (p *Plan) Fresh(machine, attempt int) *Operation {
	key := p.Machines()[machine]
	d, _ := p.Definition(key)
	choice := keyed.Seed(p.Seed).Name("heal").Name(key).Word(uint64(attempt))
	return &Operation{
		ID:      fmt.Sprintf("h%d.%d", machine+1, attempt),
		Client:  Healer,
		At:      p.Heal.At,
		Node:    1 + int(choice.Name("node").Below(uint64(p.Nodes))),
		Machine: key,
		Kind:    Propose,
		To:      d.States[choice.Name("to").Below(uint64(len(d.States)))],
	}
}
