package checker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// Account tells the reader why a machine is not linearizable, or why that could
// not be decided. docs/JUDGE.md describes its JSON. Result.Evidence renders it as
// text.
type Account struct {
	Verdict  Status   `json:"verdict"`
	Machine  string   `json:"machine,omitempty"`
	Sentence string   `json:"sentence"`
	Premise  string   `json:"premise,omitempty"` // the states possible before, if the contradiction depends on them
	Rows     []Row    `json:"rows,omitempty"`    // the contradiction, and the operations that wrote the values seen in it; in order of call
	Facts    []string `json:"facts,omitempty"`   // sentences: the writers of each value, and which operation came before which
	Hardest  *Hardest `json:"hardest,omitempty"` // of a verdict that is undecided
}

// Row is one operation of an Account.
type Row struct {
	ID          string   `json:"id"`
	Client      int      `json:"client"`
	Call        int64    `json:"call"`             // nanoseconds since the start of the history
	Return      *int64   `json:"return,omitempty"` // absent: the outcome is unknown, so it may take effect at any time
	Text        string   `json:"text"`             // request and response, as in "read 2"
	Contradicts bool     `json:"contradicts"`      // it belongs to the contradiction; otherwise it wrote a value seen there
	After       []string `json:"after,omitempty"`  // rows that returned before its call; without those before others of these
}

// Limits of an account.
const (
	maxWriters = 3   // rows added for one value
	maxAdded   = 12  // rows added for all values
	maxOrders  = 10  // facts about order
	maxOrdered = 100 // rows for which the order is worked out
)

// newAccount returns the account of a result about a machine with these
// operations. It needs the contradiction, or that the result is undecided.
func newAccount(r Result, j *judge, ops []*history.Operation) *Account {
	a := &Account{Verdict: r.Status, Machine: r.Machine, Sentence: r.Explanation, Premise: r.Premise}
	if r.Status == Undecided && !r.Unjudgeable {
		a.Hardest = hardest(&j.model.Grammar, ops)
	}
	for i := range r.Contradiction {
		a.Rows = append(a.Rows, newRow(&r.Contradiction[i], true))
	}
	a.addWriters(j, r.Contradiction, ops)
	slices.SortStableFunc(a.Rows, func(x, y Row) int { return cmp.Compare(x.Call, y.Call) })
	if len(a.Rows) <= maxOrdered {
		a.addOrder()
	}
	return a
}

// addWriters adds rows and facts about the operations that wrote the values seen
// in a contradiction.
func (a *Account) addWriters(j *judge, contradiction []history.Operation, ops []*history.Operation) {
	if len(contradiction) == 0 {
		return
	}
	writers := map[string][]*history.Operation{} // by value, in order of call; of values that were seen
	for i := range contradiction {
		for _, value := range observed(&j.model.Grammar, &contradiction[i]) {
			writers[value] = nil
		}
	}
	for _, op := range ops {
		for _, value := range writes(op) {
			if before, seen := writers[value]; seen && op.Outcome != history.Rejected {
				writers[value] = append(before, op)
			}
		}
	}
	begun := j.beginningOf(contradiction[0].Machine)
	added := 0
	for i := range contradiction {
		seen := &contradiction[i]
		for _, value := range observed(&j.model.Grammar, seen) {
			before := writersBefore(writers[value], seen)
			a.addFact(writersFact(j, seen, value, before, begun))
			for _, op := range before[max(len(before)-maxWriters, 0):] {
				if added < maxAdded && !slices.ContainsFunc(a.Rows, func(row Row) bool { return row.ID == op.ID }) {
					a.Rows = append(a.Rows, newRow(op, false))
					added++
				}
			}
		}
	}
}

func newRow(op *history.Operation, contradicts bool) Row {
	row := Row{ID: op.ID, Client: op.Client, Call: op.Call, Text: describeOperation(op), Contradicts: contradicts}
	if op.Outcome != history.Unknown {
		row.Return = new(op.Return)
	}
	return row
}

func (a *Account) addFact(fact string) {
	if fact != "" && !slices.Contains(a.Facts, fact) {
		a.Facts = append(a.Facts, fact)
	}
}

// addOrder sets Row.After and adds a fact for each pair of rows that follow one
// another.
func (a *Account) addOrder() {
	before := func(x, y *Row) bool { return x.Return != nil && *x.Return < y.Call }
	orders := 0
	for y := range a.Rows {
		row := &a.Rows[y]
		for x := range a.Rows {
			first := &a.Rows[x]
			between := func(z Row) bool { return before(first, &z) && before(&z, row) }
			if !before(first, row) || slices.ContainsFunc(a.Rows, between) {
				continue
			}
			row.After = append(row.After, first.ID)
		}
		if orders += len(row.After); len(row.After) > 0 && orders <= maxOrders {
			a.addFact(fmt.Sprintf("%s returned before %s was called", joinWords(row.After, "and"), row.ID))
		}
		if row.Return == nil {
			a.addFact(fmt.Sprintf("%s is of unknown outcome: it may have taken effect at any time after its call, or never", row.ID))
		}
	}
}

// observed lists the values that an operation of a contradiction saw; none for a
// user's model, as its operations that write are not known.
func observed(g *history.Grammar, op *history.Operation) (values []string) {
	form := g.Form(op.Kind)
	_, known := history.GrammarOf(g.Name)
	switch {
	case !known || form == nil || op.Outcome == history.Unknown:
	case op.Kind == history.KindCAS && op.Outcome == history.Committed:
		return []string{op.Expected}
	case form.Result.Shape == history.MicroOps:
		return transactionValues(op.State, false)
	case op.State == "" || form.Result.Shape == history.Boolean || form.Result.Shape == history.Integer || form.Result.Shape == history.Map:
	case form.Result.Shape == history.List:
		items, _ := history.Items(op.State)
		return items
	case op.State != op.Argument:
		return []string{op.State}
	}
	return nil
}

// writes lists the values that an operation writes.
func writes(op *history.Operation) []string {
	switch op.Kind {
	case history.KindWrite, history.KindCAS, history.KindPropose, history.KindEnqueue, history.KindAdd, history.KindAppend:
		return []string{op.Argument}
	case history.KindDelete:
		return []string{history.NoValue}
	case history.KindTxn:
		return transactionValues(op.Argument, true)
	}
	return nil
}

// transactionValues lists the values of the reads, or of the writes, of a
// transaction, each with its key.
func transactionValues(text string, write bool) (values []string) {
	ops, _ := history.Transaction(text)
	for _, m := range ops {
		if m.Write == write && m.Value != "" {
			values = append(values, registerValue(m.Key, m.Value))
		}
	}
	return values
}

// writersBefore lists the writers of a value, others than the operation that saw
// it, that were called before that returned.
func writersBefore(writers []*history.Operation, seen *history.Operation) []*history.Operation {
	return slices.DeleteFunc(slices.Clone(writers), func(op *history.Operation) bool { return op.Call > seen.Return || op.ID == seen.ID })
}

// writersFact names the writers of a value; empty if that is clear, as of an item of a
// list.
func writersFact(j *judge, seen *history.Operation, value string, writers []*history.Operation, begun beginning) string {
	ofList := false
	if form := j.model.Form(seen.Kind); form != nil {
		ofList = form.Result.Shape == history.List
	}
	appended := slices.ContainsFunc(writers, func(op *history.Operation) bool { return op.Kind == history.KindAppend })
	verb := verbOf(j.model.Name)
	switch {
	case len(writers) == 0 && begun.has(value) && begun.several:
		return fmt.Sprintf("%s is in the initial state, and no other operation %s it", value, verb)
	case len(writers) == 0 && begun.has(value):
		return fmt.Sprintf("%s is the initial state, and no operation led back to it", value)
	case len(writers) == 0:
		return fmt.Sprintf("no operation that was called before %s returned %s %s", seen.ID, verb, value)
	case ofList || appended:
		return ""
	case len(writers) == 1:
		return fmt.Sprintf("only %s %s %s", writers[0].ID, verb, value)
	}
	var ids []string
	for _, op := range writers[max(len(writers)-maxWriters, 0):] {
		ids = append(ids, op.ID)
	}
	if more := len(writers) - maxWriters; more > 0 {
		ids = append(ids, fmt.Sprintf("%d before these", more))
	}
	return fmt.Sprintf("%s %s %s", joinWords(ids, "and"), verb, value)
}

// verbOf returns the word for writing a value to an object of a model.
func verbOf(m history.Model) string {
	switch m {
	case history.ModelMachine, "":
		return "led to"
	case history.ModelQueue:
		return "enqueued"
	case history.ModelSet:
		return "added"
	case history.ModelAppendList:
		return "appended"
	}
	return "wrote"
}
