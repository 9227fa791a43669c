package sim

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// EffectKind is the kind of an Effect.
type EffectKind uint8

// The kinds of effects, in the order in which they happen.
const (
	DiskEffect EffectKind = iota + 1
	SendEffect
	TimerEffect
	ObserveEffect
)

func (k EffectKind) String() string {
	return [...]string{"?", "disk request", "message", "timer", "observation"}[k]
}

// Effect describes one effect of a step. Two steps have the same effects if and only
// if their lists are equal.
type Effect struct {
	Kind   EffectKind
	About  string // the receiver and fate name of a message; the token of a timer; operation and file of a disk request
	Text   string // a description for a person
	Digest uint64 // of everything
}

// List describes the effects in the order in which they happen.
func (e *Effects) List() []Effect {
	var list []Effect
	for i := range e.disk {
		r := &e.disk[i]
		about := fmt.Sprintf("%v %s", r.Op, r.File)
		digest := keyed.Mix(keyed.Mix(keyed.String(r.String()), r.Token), checksum(r.Data))
		list = append(list, Effect{DiskEffect, about, fmt.Sprintf("%v, token %x", r, r.Token), digest})
	}
	for _, s := range e.sends {
		if s.msg == nil {
			continue // a misuse, which the world tells
		}
		about := fmt.Sprintf("%d %s", s.to, s.msg.FateName())
		list = append(list, Effect{SendEffect, about, fmt.Sprintf("send to %d: %v", s.to, s.msg), keyed.Mix(uint64(s.to), s.msg.Digest())})
	}
	for _, t := range e.timers {
		list = append(list, Effect{TimerEffect, fmt.Sprintf("%x", t.token), fmt.Sprintf("timer %x in %v", t.token, t.after), keyed.Mix(t.token, uint64(t.after))})
	}
	for _, f := range e.observations {
		if f == nil {
			continue
		}
		list = append(list, Effect{ObserveEffect, "", fmt.Sprintf("observe: %v", f), f.Digest()})
	}
	return list
}
