package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// randomHistory makes a small history: a run of the twin's objects, recorded in
// intervals that overlap in odd ways, with equal instants, unknown operations that
// take effect long after their clients gave up, and lies. It depends on model and
// seed alone.
func randomHistory(m history.Model, seed uint64) history.History {
	g, _ := history.GrammarOf(m)
	r := &recorder{Rand: rand.New(rand.NewPCG(seed, uint64(len(m)))), grammar: g}
	h := history.History{Model: m}
	switch {
	case m == history.ModelMachine:
		h.Definitions = []fsm.Definition{r.definition()}
	case g.Given || g.Initial.Shape != history.Nothing && r.IntN(3) == 0:
		h.Initial = pick(r, initialTexts[m])
	}
	r.twin = newTwin(h)
	r.settle()
	for i := range 1 + max(r.IntN(r.most), r.IntN(r.most)) {
		h.Operations = append(h.Operations, r.operation(i))
	}
	return h
}

var initialTexts = map[history.Model][]string{
	history.ModelRegister: {"a", "7"}, history.ModelCASRegister: {"a", "b"}, history.ModelKV: {"a"}, history.ModelCounter: {"1", "-3"},
	history.ModelQueue: {"[a]", "[a b]", "[]"}, history.ModelSet: {"[a]", "[b a]"}, history.ModelAppendList: {"[a]", "[b a]"},
	history.ModelMultiRegister: {"{x 1}", "{x 1 y 2}"}, history.ModelBank: {"{a 1 b 1}", "{a 0 b 3}"},
}

func pick[T any](r *recorder, from []T) T { return from[r.IntN(len(from))] }

// recorder draws the operations of one history.
type recorder struct {
	*rand.Rand
	grammar history.Grammar
	twin    *twin
	now     objects2 // the state of the objects
	seen    []string // values that objects had
	instant int64
	unique  bool // no argument comes twice
	alike   bool // a counter only counts
	most    int  // operations
	names   []string

	gap, spread                               int64 // between instants; of intervals around them
	lies, unknown, reads, telling, versioning int   // of a hundred operations
}

// settle chooses the manner of the whole history.
func (r *recorder) settle() {
	r.now = r.twin.initial
	r.seen = []string{r.now[0].value}
	r.unique = r.IntN(2) == 0 && (r.grammar.Name != history.ModelSet || r.IntN(3) == 0)
	r.alike = r.grammar.Name == history.ModelCounter && r.IntN(2) == 0
	r.gap, r.spread = pick(r, []int64{0, 1, 3, 5, 10}), pick(r, []int64{0, 1, 3, 6, 12, 40})
	r.lies, r.unknown = pick(r, []int{0, 40, 100, 100}), pick(r, []int{0, 0, 10, 30, 60})
	r.reads, r.telling = pick(r, []int{10, 40, 70}), pick(r, []int{30, 70, 100})
	if r.grammar.Versions {
		r.versioning = pick(r, []int{0, 0, 50, 100})
	}
	r.instant, r.most = 100, 9
	if r.grammar.Name == history.ModelAppendList || r.grammar.Name == history.ModelMultiRegister {
		r.most = 7 // each order leads to another state
	}
	switch {
	case r.grammar.Name == history.ModelMachine:
		r.names = []string{"d/a", "d/b"}
	case r.grammar.Named || r.IntN(3) == 0:
		r.names = []string{"a", "b"}
	default:
		r.names = []string{""}
	}
	if r.IntN(3) > 0 {
		r.names = r.names[:1]
	}
}

// definition is of few states, so that lies are often true by luck.
func (r *recorder) definition() fsm.Definition {
	d := fsm.Definition{Name: "d", States: []string{"A", "B", "C", "D"}[:2+r.IntN(3)], Initial: "A"}
	for _, from := range d.States {
		for _, to := range d.States {
			if r.IntN(5) < 2 {
				d.Transitions = append(d.Transitions, fsm.Transition{From: from, To: to})
			}
		}
	}
	return d
}

func (r *recorder) operation(i int) history.Operation {
	r.instant += r.Int64N(r.gap + 1)
	at := r.IntN(len(r.names))
	op := history.Operation{
		Client: r.IntN(3), ID: fmt.Sprint("o", i), Machine: r.names[at], Version: history.NoVersion, Outcome: history.Committed,
		Call: max(0, r.instant-r.Int64N(r.spread+1)), Return: r.instant + r.Int64N(r.spread+1),
	}
	form := r.ask(&op, i)
	o := r.now[at]
	lost := r.IntN(10) == 0
	switch {
	case r.IntN(100) < r.unknown:
		r.forget(&op)
		if !lost {
			r.now[at], _, _ = r.twin.take(o, &op)
		}
	case lost:
		op.Outcome, op.Reason = history.Rejected, "overloaded"
	default:
		r.now[at] = r.respond(&op, form, o)
	}
	r.seen = append(r.seen, r.now[at].value)
	if r.IntN(100) < r.lies {
		r.lie(&op, form)
	}
	return op
}

// ask draws kind and arguments.
func (r *recorder) ask(op *history.Operation, i int) *history.KindForm {
	var kinds []history.KindForm
	reading := r.IntN(100) < r.reads
	for _, f := range r.grammar.Kinds {
		if f.ReadOnly == reading {
			kinds = append(kinds, f)
		}
	}
	if len(kinds) == 0 {
		kinds = r.grammar.Kinds
	}
	form := pick(r, kinds)
	op.Kind = form.Kind
	if form.Argument.Shape != history.Nothing {
		op.Argument = r.argument(i)
	}
	if form.Expected.Shape != history.Nothing {
		op.Expected = r.seen[len(r.seen)-1]
		if r.IntN(2) == 0 {
			op.Expected = pick(r, r.seen)
		}
	}
	return r.grammar.Form(op.Kind)
}

// argument draws the argument of the i-th operation.
func (r *recorder) argument(i int) string {
	switch r.grammar.Name {
	case history.ModelMachine:
		return pick(r, r.twin.definition.States)
	case history.ModelCounter:
		switch {
		case r.unique:
			return fmt.Sprint(1 << i)
		case r.alike:
			return "1"
		}
		return pick(r, []string{"1", "1", "-1", "2"})
	case history.ModelBank:
		return pick(r, []string{"[a b 1]", "[b a 1]", "[b a 2]", "[a b 3]"})
	case history.ModelMultiRegister:
		form := pick(r, []string{"[[w x V]]", "[[r x] [w y V]]", "[[r x] [r y]]", "[[w x V] [w y V]]", "[[w y V] [r y] [r x]]"})
		return strings.ReplaceAll(form, "V", r.word(i))
	}
	return r.word(i)
}

func (r *recorder) word(i int) string {
	if r.unique {
		return fmt.Sprint("v", i)
	}
	return pick(r, []string{"a", "b", "c"}[:2+r.IntN(2)])
}

// forget makes op one whose outcome its client does not know. It may have given
// up before the effect.
func (r *recorder) forget(op *history.Operation) {
	op.Outcome, op.Reason = history.Unknown, "timeout"
	op.Return = pick(r, []int64{history.NoReturn, op.Call, op.Return, op.Call + r.Int64N(op.Return-op.Call+1)})
}

// respond gives op the response that the object gives, and returns the object
// after it.
func (r *recorder) respond(op *history.Operation, form *history.KindForm, o object2) object2 {
	next, result, possible := r.twin.take(o, op)
	told := form.Result.Shape != history.Nothing && (form.Answers || r.IntN(100) < r.telling)
	switch {
	case possible && told:
		op.State = result
	case possible:
	case form.Illegal == "": // it does not happen
	default:
		op.Outcome, op.Reason = history.Rejected, history.ReasonIllegal
		if told && !form.Answers {
			op.State = o.value
		}
	}
	if r.IntN(100) < r.versioning {
		op.Version = next.version
	}
	return next
}

// lie changes op, mostly to what would have been right at another time.
func (r *recorder) lie(op *history.Operation, form *history.KindForm) {
	switch r.IntN(7) {
	case 0, 1, 6: // the response of another state
		if op.Outcome == history.Committed {
			version := op.Version
			op.State, op.Version = "", history.NoVersion
			if r.respond(op, form, object2{value: pick(r, r.seen)}); version != history.NoVersion {
				op.Version = version
			}
		}
	case 2: // another interval
		if op.Outcome != history.Unknown {
			shift := pick(r, []int64{-r.spread, -4, 4, r.spread})
			op.Call, op.Return = max(0, op.Call+shift), max(0, op.Return+shift)
		}
	case 3: // a point of it
		if op.Outcome != history.Unknown {
			op.Call = pick(r, []int64{op.Call, op.Return})
			op.Return = op.Call
		}
	case 4: // the other outcome
		switch {
		case op.Outcome == history.Committed && form.Illegal != "" && r.IntN(2) == 0:
			op.Outcome, op.Reason, op.State, op.Version = history.Rejected, history.ReasonIllegal, "", history.NoVersion
		case op.Outcome == history.Committed:
			op.Outcome, op.Reason = history.Rejected, "overloaded"
		case op.Outcome == history.Rejected && !form.Answers:
			op.Outcome, op.Reason, op.State = history.Committed, "", ""
		}
	case 5:
		if op.Version != history.NoVersion {
			op.Version = max(0, op.Version+r.Int64N(3)-1)
		}
	}
}

// sortedByCall orders operations by call, as files have them.
func sortedByCall(ops []history.Operation) []history.Operation {
	ops = slices.Clone(ops)
	slices.SortStableFunc(ops, func(x, y history.Operation) int { return int(min(max(x.Call-y.Call, -1), 1)) })
	return ops
}
