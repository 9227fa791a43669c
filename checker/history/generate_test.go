package history

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// longHistory is a history of eight clients and a hundred machines.
func longHistory(operations int) History {
	h := History{Model: ModelMachine, Definitions: []fsm.Definition{fsm.Lifecycle()}}
	for i := range operations {
		call := int64(i) * 1000
		op := Operation{
			Client: i % 8, ID: fmt.Sprintf("c%d.%d", i%8, i/8), Machine: fmt.Sprintf("lifecycle/m%d", i%100),
			Kind: KindRead, Call: call, Return: call + 6789, Outcome: Committed, State: "Init", Version: int64(i / 100),
		}
		if i%3 == 0 {
			op.Kind, op.Argument, op.State = KindPropose, "Running", "Running"
		}
		h.Operations = append(h.Operations, op)
	}
	return h
}

// anyHistory is a history that Read accepts. Its responses mean nothing.
func anyHistory(t *rapid.T, operations int) History {
	h := History{Model: rapid.SampledFrom(models).Draw(t, "model")}
	values := []string{NoValue, "1", "ü \" [2]"}
	if h.Model == ModelMachine {
		h.Definitions = []fsm.Definition{fsm.Lifecycle()}
		values = fsm.Lifecycle().States
	}
	free := map[int]int64{} // by client: the return of its last operation
	call := int64(0)
	for i := range operations {
		op := anyOperation(t, h.Model, values)
		op.ID, op.Client = fmt.Sprintf("o%d", i), rapid.IntRange(0, 3).Draw(t, "client")
		call = max(call, free[op.Client]) + rapid.Int64Range(0, 3).Draw(t, "pause")
		op.Call, op.Return = call, call+rapid.Int64Range(0, 20).Draw(t, "duration")
		if op.Outcome == Unknown && rapid.Bool().Draw(t, "never returns") {
			op.Client, op.Return = 10+i, NoReturn
		}
		free[op.Client] = op.Return
		h.Operations = append(h.Operations, op)
	}
	return h
}

// anyOperation is an operation without id, client and times.
func anyOperation(t *rapid.T, m Model, values []string) Operation {
	value := func(name string) string { return rapid.SampledFrom(values).Draw(t, name) }
	kinds := map[Model][]Kind{
		ModelMachine: {KindPropose, KindRead}, ModelRegister: {KindWrite, KindRead},
		ModelCASRegister: {KindWrite, KindCAS, KindRead}, ModelKV: {KindWrite, KindCAS, KindRead},
	}
	op := Operation{
		Kind:    rapid.SampledFrom(kinds[m]).Draw(t, "kind"),
		Outcome: rapid.SampledFrom([]Outcome{Committed, Rejected, Unknown}).Draw(t, "outcome"), Version: NoVersion,
	}
	switch m {
	case ModelMachine:
		op.Machine = rapid.SampledFrom([]string{"lifecycle/a", "lifecycle/b"}).Draw(t, "machine")
	case ModelKV:
		op.Machine = rapid.SampledFrom([]string{"", "a", "ü"}).Draw(t, "machine")
	}
	if op.Kind != KindRead {
		op.Argument = value("argument")
	}
	if op.Kind == KindCAS {
		op.Expected = value("expected")
	}
	if op.Outcome != Committed {
		op.Reason = rapid.SampledFrom([]string{"timeout", "overloaded"}).Draw(t, "reason")
	}
	if op.Outcome == Rejected && (op.Kind == KindCAS || op.Kind == KindPropose) && rapid.Bool().Draw(t, "illegal") {
		op.Reason = ReasonIllegal
	}
	if op.Outcome == Committed && op.Kind == KindRead || op.Outcome != Unknown && rapid.Bool().Draw(t, "tells") {
		op.State, op.Version = value("state"), rapid.Int64Range(NoVersion, 3).Draw(t, "version")
	}
	return op
}
