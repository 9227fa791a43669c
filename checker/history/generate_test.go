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
	g := rapid.SampledFrom(Grammars()).Draw(t, "model")
	h := History{Model: g.Name}
	if h.Model == ModelMachine {
		h.Definitions = []fsm.Definition{fsm.Lifecycle()}
	}
	if g.Given || g.Initial.Shape != Nothing && rapid.Bool().Draw(t, "has initial") {
		h.Initial = anyText(t, &g, g.Initial)
	}
	free := map[int]int64{} // by client: the return of its last operation
	call := int64(0)
	for i := range operations {
		op := anyOperation(t, &g)
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
func anyOperation(t *rapid.T, g *Grammar) Operation {
	form := rapid.SampledFrom(g.Kinds).Draw(t, "kind")
	op := Operation{
		Kind:    form.Kind,
		Outcome: rapid.SampledFrom([]Outcome{Committed, Rejected, Unknown}).Draw(t, "outcome"), Version: NoVersion,
	}
	switch {
	case g.Name == ModelMachine:
		op.Machine = rapid.SampledFrom([]string{"lifecycle/a", "lifecycle/b"}).Draw(t, "machine")
	default:
		op.Machine = rapid.SampledFrom([]string{"", "a", "ü"}).Draw(t, "machine")
	}
	op.Argument, op.Expected = anyText(t, g, form.Argument), anyText(t, g, form.Expected)
	if op.Outcome != Committed {
		op.Reason = rapid.SampledFrom([]string{"timeout", "overloaded"}).Draw(t, "reason")
	}
	illegal := op.Outcome == Rejected && form.Illegal != "" && rapid.Bool().Draw(t, "illegal")
	if illegal {
		op.Reason = ReasonIllegal
	}
	if op.Outcome == Committed && form.Answers || op.Outcome != Unknown && !illegal && rapid.Bool().Draw(t, "tells") {
		op.State = anyText(t, g, form.Result)
	}
	if op.State != "" && form.Result.Shape == MicroOps {
		op.State = op.Argument // it must be of the same operations
	}
	if g.Versions && op.Outcome != Unknown {
		op.Version = rapid.Int64Range(NoVersion, 3).Draw(t, "version")
	}
	return op
}

// anyText is a text of the shape of f.
func anyText(t *rapid.T, g *Grammar, f Field) string {
	texts := map[Shape][]string{
		Nothing: {""}, Text: {NoValue, "1", "ü \\ [2]"}, Integer: {"0", "-17", "9223372036854775807"}, Boolean: {"true", "false"},
		Element: {"a", "-1", `"b c"`, "[1 [2]]"}, List: {NoValue, "[]", `[a "b c" [1 [2]]]`, "#{1 2}", "(1 2)"},
		Map: {"{}", "{a 1}", `{"b c" -1, a [1]}`}, MicroOps: {"[]", "[[r x]]", "[[r x 1] [w y nil]]"}, Payment: {"[a b 1]", "(a a 9223372036854775807)"},
		Balances: {"{a 50 b 0}", `{b 9223372036854775806 "c d" 0, a 1}`},
	}[f.Shape]
	if g.Name == ModelMachine && f.Shape == Text {
		texts = fsm.Lifecycle().States
	}
	return rapid.SampledFrom(texts).Draw(t, f.About)
}
