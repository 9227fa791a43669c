package checker

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// twin is a second judge of small histories, which has nothing in common with the
// first: it tries every order, and its objects are written anew, as texts. All
// machines are judged together, so it does not rely on locality either.
type twin struct {
	model      history.Model
	definition fsm.Definition
	initial    objects2
	ops        []history.Operation

	certain uint   // set of the operations that must take effect
	before  []uint // by operation: those that returned before its call
	failed  map[twinState]struct{}
}

// object2 is the state of an object: a value as a text, and the number of changes.
type object2 struct {
	value   string
	version int64
}

// objects2 has up to two objects.
type objects2 [2]object2

// twinState is a state of a search: the operations that took effect, and the
// objects after them.
type twinState struct {
	taken uint
	now   objects2
}

func newTwin(h history.History) *twin {
	w := &twin{model: h.Model, failed: map[twinState]struct{}{}}
	o := object2{value: strings.Trim(h.Initial, "[]{}")}
	switch h.Model {
	case history.ModelMachine:
		w.definition = h.Definitions[0]
		o.value = w.definition.Initial
	case history.ModelRegister, history.ModelCASRegister, history.ModelKV:
		if o.value == "" {
			o.value = history.NoValue
		}
	case history.ModelCounter:
		if o.value == "" {
			o.value = "0"
		}
	case history.ModelSet:
		o.value = set2(strings.Fields(o.value))
	}
	w.initial = objects2{o, o}
	return w
}

// linearizable judges operations.
func (w *twin) linearizable(ops []history.Operation) bool {
	w.ops, w.certain, w.before = ops, 0, w.before[:0]
	clear(w.failed)
	for i, op := range ops {
		if op.Outcome == history.Committed || op.Outcome == history.Rejected && op.Reason == history.ReasonIllegal {
			w.certain |= 1 << i
		}
	}
	for _, op := range ops {
		before := uint(0)
		for j := range ops {
			if w.certain>>j&1 == 1 && ops[j].Return < op.Call {
				before |= 1 << j
			}
		}
		w.before = append(w.before, before)
	}
	return w.explains(0, w.initial)
}

// explains reports whether some order of the operations that are not taken
// explains them.
func (w *twin) explains(taken uint, now objects2) bool {
	if w.certain&^taken == 0 {
		return true
	}
	at := twinState{taken, now}
	if _, failed := w.failed[at]; failed {
		return false
	}
	for i := range w.ops {
		op := &w.ops[i]
		other := op.Outcome == history.Rejected && op.Reason != history.ReasonIllegal
		if taken>>i&1 == 1 || other || w.before[i]&^taken != 0 {
			continue
		}
		k := 0
		if strings.HasSuffix(op.Machine, "b") {
			k = 1
		}
		next := now
		var fits bool
		if next[k], fits = w.step(now[k], op); fits && w.explains(taken|1<<i, next) {
			return true
		}
	}
	w.failed[at] = struct{}{}
	return false
}

// carriesOut reports whether operations of one object, taken in an order, one after the
// other, give their responses, each between its call and its return, and none that took
// effect for certain is missing.
func (w *twin) carriesOut(ops []*history.Operation, order []int32) bool {
	now, at, left := w.initial[0], int64(0), map[*history.Operation]bool{}
	for _, op := range ops {
		left[op] = tookEffect(op)
	}
	for _, i := range order {
		op, fits := ops[i], false
		if _, first := left[op]; !first || !tookEffect(op) && (op.Outcome != history.Unknown || op.Kind == history.KindRead) {
			return false // it comes twice, or has no effect
		}
		delete(left, op)
		at = max(at, op.Call)
		if now, fits = w.step(now, op); !fits || op.Outcome != history.Unknown && at > op.Return {
			return false
		}
	}
	return !slices.Contains(slices.Collect(maps.Values(left)), true)
}

// tookEffect reports whether an operation claims to have taken effect.
func tookEffect(op *history.Operation) bool {
	return op.Outcome == history.Committed || op.Outcome == history.Rejected && op.Reason == history.ReasonIllegal
}

// culprit returns the id of the operation with whose return ops, of one object,
// stop to be linearizable. Among those of one instant it is the first in order.
func (w *twin) culprit(ops []history.Operation) string {
	returns := slices.Clone(ops)
	slices.SortStableFunc(returns, func(x, y history.Operation) int { return int(min(max(x.Return-y.Return, -1), 1)) })
	returned := map[string]bool{}
	for _, last := range returns {
		if last.Outcome == history.Unknown {
			continue
		}
		returned[last.ID] = true
		var seen []history.Operation
		for _, op := range ops {
			if !returned[op.ID] {
				op.Outcome, op.State, op.Version = history.Unknown, "", history.NoVersion
			}
			if op.Call <= last.Return {
				seen = append(seen, op)
			}
		}
		if !w.linearizable(seen) {
			return last.ID
		}
	}
	return ""
}

// step reports whether op may take effect now with its response.
func (w *twin) step(o object2, op *history.Operation) (next object2, fits bool) {
	next, result, possible := w.take(o, op)
	if op.Outcome == history.Rejected {
		possible, result = !possible, o.value
	}
	version := op.Version == history.NoVersion || op.Version == next.version
	return next, possible && version && (op.State == "" || w.alike(op, result))
}

// alike reports whether the result that was told is the one there is.
func (w *twin) alike(op *history.Operation, result string) bool {
	switch {
	case w.model == history.ModelSet && op.Kind == history.KindRead:
		return set2(strings.Fields(strings.Trim(op.State, "[]"))) == strings.Trim(result, "[]")
	case w.model == history.ModelCounter:
		told, _ := strconv.ParseInt(op.State, 10, 64)
		return strconv.FormatInt(told, 10) == result
	}
	return op.State == result
}

// take carries op out: the object after it, the result, and whether it was
// possible. If it was not, the object stays.
func (w *twin) take(o object2, op *history.Operation) (next object2, result string, possible bool) {
	value, result, possible, changes := w.effect(o.value, op)
	if !possible {
		return o, "", false
	}
	if changes {
		o = object2{value, o.version + 1}
	}
	return o, result, true
}

// effect is what each kind of operation does to a value.
func (w *twin) effect(value string, op *history.Operation) (next, result string, possible, changes bool) {
	switch w.model {
	case history.ModelMachine:
		if op.Kind == history.KindRead {
			return value, value, true, false
		}
		legal := slices.Contains(w.definition.Transitions, fsm.Transition{From: value, To: op.Argument})
		return op.Argument, op.Argument, legal, true
	case history.ModelRegister, history.ModelCASRegister, history.ModelKV:
		return registerEffect(value, op)
	case history.ModelLock:
		owner := strconv.Itoa(op.Client)
		if op.Kind == history.KindAcquire {
			return owner, "", value == "", true
		}
		return "", "", value == owner, true
	case history.ModelCounter:
		if op.Kind == history.KindAdd {
			a, _ := strconv.Atoi(value)
			b, _ := strconv.Atoi(op.Argument)
			value = strconv.Itoa(a + b)
		}
		return value, value, true, true
	case history.ModelQueue:
		items := strings.Fields(value)
		switch {
		case op.Kind == history.KindEnqueue:
			return strings.Join(append(items, op.Argument), " "), "", true, true
		case len(items) == 0:
			return value, "", false, false
		}
		return strings.Join(items[1:], " "), items[0], true, true
	case history.ModelSet:
		return setEffect(value, op)
	case history.ModelAppendList:
		if op.Kind == history.KindAppend {
			value = strings.TrimSpace(value + " " + op.Argument)
		}
		return value, "[" + value + "]", true, true
	case history.ModelMultiRegister:
		next, result = transactionEffect(value, op)
		return next, result, true, true
	case history.ModelBank:
		return bankEffect(value, op)
	}
	panic("the twin has no model " + string(w.model))
}

func registerEffect(value string, op *history.Operation) (next, result string, possible, changes bool) {
	switch op.Kind {
	case history.KindRead:
		return value, value, true, false
	case history.KindCAS:
		return op.Argument, op.Argument, value == op.Expected, true
	case history.KindDelete:
		return history.NoValue, "", true, true
	case history.KindAppend:
		if value != history.NoValue {
			return value + op.Argument, value + op.Argument, true, true
		}
	}
	return op.Argument, op.Argument, true, true
}

// set2 returns the value of a set with these elements.
func set2(elements []string) string {
	slices.Sort(elements)
	return strings.Join(slices.Compact(elements), " ")
}

func setEffect(value string, op *history.Operation) (next, result string, possible, changes bool) {
	elements := strings.Fields(value)
	has := slices.Contains(elements, op.Argument)
	switch op.Kind {
	case history.KindAdd:
		return set2(append(elements, op.Argument)), strconv.FormatBool(!has), true, true
	case history.KindRemove:
		rest := slices.DeleteFunc(elements, func(e string) bool { return e == op.Argument })
		return set2(rest), strconv.FormatBool(has), true, true
	case history.KindContains:
		return value, strconv.FormatBool(has), true, false
	}
	return value, "[" + value + "]", true, false
}

// pairs2 reads a value as keys with values.
func pairs2(value string) map[string]string {
	pairs := map[string]string{}
	words := strings.Fields(value)
	for i := 0; i+1 < len(words); i += 2 {
		pairs[words[i]] = words[i+1]
	}
	return pairs
}

func valueOfPairs(pairs map[string]string) string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		words = append(words, key, pairs[key])
	}
	return strings.Join(words, " ")
}

// transactionEffect carries out the reads and writes of a transaction such as
// [[r x] [w y 1]].
func transactionEffect(value string, op *history.Operation) (next, result string) {
	registers := pairs2(value)
	var done []string
	for part := range strings.SplitSeq(strings.Trim(op.Argument, "[]"), "] [") {
		words := strings.Fields(part)
		if words[0] == "w" {
			registers[words[1]] = words[2]
		} else if held, written := registers[words[1]]; written {
			part += " " + held
		} else {
			part += " " + history.NoValue
		}
		done = append(done, "["+part+"]")
	}
	return valueOfPairs(registers), "[" + strings.Join(done, " ") + "]"
}

func bankEffect(value string, op *history.Operation) (next, result string, possible, changes bool) {
	if op.Kind == history.KindRead {
		return value, "{" + value + "}", true, false
	}
	accounts := pairs2(value)
	words := strings.Fields(strings.Trim(op.Argument, "[]"))
	amount, _ := strconv.Atoi(words[2])
	from, _ := strconv.Atoi(accounts[words[0]])
	to, _ := strconv.Atoi(accounts[words[1]])
	accounts[words[0]], accounts[words[1]] = strconv.Itoa(from-amount), strconv.Itoa(to+amount)
	return valueOfPairs(accounts), "", from >= amount, true
}
