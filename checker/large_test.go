package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// largeHistory is a history of one lifecycle machine. Each client in a loop
// reads or proposes the legal step or another, in intervals that overlap. A
// share of the proposals is of unknown outcome; half of these take effect. It
// is generated in order of effect, so it is linearizable.
type largeHistory struct {
	operations, clients int
	unknown             int // of the proposals, in thousandths
	versions            bool
	bad                 bool // an operation in the middle has an impossible response
}

// empty is the history before its first operation.
func (s largeHistory) empty() history.History {
	return history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}}
}

func (s largeHistory) history(seed uint64) history.History {
	random := rand.New(rand.NewPCG(seed, 0))
	d := fsm.Lifecycle()
	h := history.History{Definitions: []fsm.Definition{d}, Operations: make([]history.Operation, 0, s.operations)}
	state, version := 0, int64(0)
	free, count := make([]int64, s.clients), make([]int, s.clients)
	var now int64
	for len(h.Operations) < s.operations {
		client := random.IntN(s.clients)
		if free[client] > now { // busy: time goes on
			now += 10
			continue
		}
		now += 1 + random.Int64N(20)
		duration := 1 + random.Int64N(20*int64(s.clients))
		op := history.Operation{
			Client: client, ID: fmt.Sprintf("c%d.%d", client, count[client]), Machine: "lifecycle/a", Kind: history.KindRead,
			Call: max(free[client], now-random.Int64N(duration)), Outcome: history.Committed, Version: history.NoVersion,
		}
		count[client]++
		op.Return = now + random.Int64N(duration)
		free[client] = op.Return + 1
		lost := false
		if random.IntN(3) > 0 {
			to := (state + 1 + random.IntN(2)) % 3
			op.Kind, op.Argument = history.KindPropose, d.States[to]
			lost = random.IntN(1000) < s.unknown
			switch {
			case lost && random.IntN(2) == 0:
			case to == (state+1)%3:
				state, version = to, version+1
			default:
				op.Outcome, op.Reason = history.Rejected, history.ReasonIllegal
			}
		}
		if lost {
			op.Outcome, op.Reason = history.Unknown, "timeout"
		} else if op.State = d.States[state]; s.versions {
			op.Version = version
		}
		h.Operations = append(h.Operations, op)
	}
	slices.SortStableFunc(h.Operations, func(x, y history.Operation) int { return int(min(max(x.Call-y.Call, -1), 1)) })
	if s.bad {
		s.spoil(h)
	}
	return h
}

// spoil makes a read in the middle wrong.
func (s largeHistory) spoil(h history.History) {
	for i := len(h.Operations) / 2; ; i++ {
		if op := &h.Operations[i]; op.Kind == history.KindRead {
			if op.State = "Running"; s.versions {
				op.Version += 50
			} else {
				op.State = fsm.Retired
			}
			return
		}
	}
}

func (s largeHistory) String() string {
	name := fmt.Sprintf("operations=%d/clients=%d", s.operations, s.clients)
	for _, flag := range []struct {
		on   bool
		name string
	}{{s.versions, "versions"}, {s.unknown > 0, "unknown"}, {s.bad, "bad"}} {
		if flag.on {
			name += "/" + flag.name
		}
	}
	return name
}
