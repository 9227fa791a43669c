package checker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// typicalHistory is a history as a campaign checks it for each seed: four
// clients, one operation after another, on a correct system of some machines
// with one proposal in eight lost.
func typicalHistory(seed uint64, operations, machines int) history.History {
	random := rand.New(rand.NewPCG(seed, 0))
	d := fsm.Lifecycle()
	h := history.History{Definitions: []fsm.Definition{d}}
	states, versions, free := make([]string, machines), make([]int64, machines), make([]int64, 4)
	for i := range operations {
		client, m := i%4, random.IntN(machines)
		instant := int64(i+1) * 1_000_000
		if states[m] == "" {
			states[m] = d.Initial
		}
		call := max(free[client]+1, instant-random.Int64N(2_000_000))
		op := history.Operation{
			Client: client, ID: fmt.Sprintf("c%d.%d", client, i/4), Machine: fmt.Sprintf("lifecycle/m%d", m), Kind: history.KindRead,
			Call: call, Return: instant + random.Int64N(2_000_000), Outcome: history.Committed,
		}
		if i%3 > 0 {
			op.Kind, op.Argument = history.KindPropose, d.States[random.IntN(3)]
			if d.Legal(states[m], op.Argument) {
				states[m] = op.Argument
				versions[m]++
			} else {
				op.Outcome, op.Reason = history.Rejected, history.ReasonIllegal
			}
		}
		op.State, op.Version = states[m], versions[m]
		if op.Kind == history.KindPropose && random.IntN(8) == 0 {
			op.Outcome, op.Reason, op.State, op.Version = history.Unknown, "timeout", "", history.NoVersion
		}
		free[client] = op.Return
		h.Operations = append(h.Operations, op)
	}
	return h
}

func BenchmarkCheck(b *testing.B) {
	var valid, bad, unversioned []history.History
	for seed := range uint64(64) {
		valid = append(valid, typicalHistory(seed, 30, 3))
		bad = append(bad, withLie(typicalHistory(seed, 30, 3)))
		unversioned = append(unversioned, withoutVersions(typicalHistory(seed, 30, 3)))
	}
	for _, c := range []struct {
		name      string
		histories []history.History
		want      Status
	}{{"valid", valid, Linearizable}, {"unversioned", unversioned, Linearizable}, {"bad", bad, Violated}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				if r := Check(context.Background(), c.histories[i%64], Options{}); r.Status != c.want {
					b.Fatal(r)
				}
			}
		})
	}
}

// withLie makes the last read wrong.
func withLie(h history.History) history.History {
	for i := len(h.Operations) - 1; ; i-- {
		if op := &h.Operations[i]; op.Kind == history.KindRead {
			op.Version++
			return h
		}
	}
}

func withoutVersions(h history.History) history.History {
	for i := range h.Operations {
		h.Operations[i].Version = history.NoVersion
	}
	return h
}

// BenchmarkUnknown measures the worst case: every proposal is of unknown
// outcome, and a read at the end fits none of them.
func BenchmarkUnknown(b *testing.B) {
	h := typicalHistory(1, 40, 1)
	for i := range h.Operations {
		op := &h.Operations[i]
		op.Outcome, op.State, op.Version = history.Unknown, "", history.NoVersion
	}
	h.Operations = append(h.Operations, history.Operation{
		ID: "r", Machine: "lifecycle/m0", Kind: history.KindRead, Call: 1 << 40, Return: 1 << 41, Outcome: history.Committed, State: "Rubbish", Version: history.NoVersion,
	})
	b.ReportAllocs()
	for range b.N {
		if r := Check(context.Background(), h, Options{}); r.Status != Violated {
			b.Fatal(r)
		}
	}
}
