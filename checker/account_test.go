package checker

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// staleRead has a read of 1 after 2 was written, and a write that nothing has to
// do with it.
func staleRead() history.History {
	op := func(id string, kind history.Kind, value string, call int64) history.Operation {
		o := history.Operation{ID: id, Client: int(call / 10), Kind: kind, Call: call, Return: call + 5, Outcome: history.Committed, Version: history.NoVersion}
		if o.Argument = value; kind == history.KindRead {
			o.Argument, o.State = "", value
		}
		return o
	}
	return history.History{Model: history.ModelRegister, Operations: []history.Operation{
		op("w0", history.KindWrite, "0", 0), op("w1", history.KindWrite, "1", 10), op("w2", history.KindWrite, "2", 20), op("r", history.KindRead, "1", 30),
	}}
}

// An account has the contradiction, the write of the value that was seen, and
// the order of these, and no other operation.
func TestAccount(t *testing.T) {
	r := Check(t.Context(), staleRead(), Options{Explain: true})
	text, err := json.MarshalIndent(r.Account, "", "\t")
	require.NoError(t, err)
	require.Equal(t, `{
	"verdict": "violated",
	"sentence": "register: r read 1 between 30ns and 35ns, when the state can only have been 2; w2 had committed 2 by 25ns",
	"rows": [
		{
			"id": "w1",
			"client": 1,
			"call": 10,
			"return": 15,
			"text": "committed 1",
			"contradicts": false
		},
		{
			"id": "w2",
			"client": 2,
			"call": 20,
			"return": 25,
			"text": "committed 2",
			"contradicts": true,
			"after": [
				"w1"
			]
		},
		{
			"id": "r",
			"client": 3,
			"call": 30,
			"return": 35,
			"text": "read 1",
			"contradicts": true,
			"after": [
				"w2"
			]
		}
	],
	"facts": [
		"only w1 wrote 1",
		"w1 returned before w2 was called",
		"w2 returned before r was called"
	]
}`, string(text))
	require.Equal(t, `these 2 operations (*) contradict each other, whatever the others did:
    w1  |--|              committed 1  10ns to 15ns
  * w2        |--|        committed 2  20ns to 25ns
  * r               |--|  read 1       30ns to 35ns
only w1 wrote 1
w1 returned before w2 was called
w2 returned before r was called
`, r.Evidence())
}

// Facts name the last writers of a value that many wrote, and say if there is
// none.
func TestFactsAboutWriters(t *testing.T) {
	h := staleRead()
	for i := range 6 {
		op := h.Operations[1]
		op.ID, op.Client = fmt.Sprint("again", i), 100+i
		h.Operations = append(h.Operations, op)
	}
	require.Contains(t, Check(t.Context(), h, Options{Explain: true}).Account.Facts, "again3, again4, again5 and 4 before these wrote 1")

	h = staleRead()
	h.Operations[1].Outcome, h.Operations[1].Return, h.Operations[1].Reason = history.Unknown, history.NoReturn, "timeout"
	h.Operations[3].State = "0"
	h.Operations[0].Outcome, h.Operations[0].Return, h.Operations[0].Reason = history.Rejected, 5, "timeout"
	require.Contains(t, Check(t.Context(), h, Options{Explain: true}).Account.Facts, "no operation that was called before r returned wrote 0")
	h.Operations[3].State = history.NoValue
	require.Contains(t, Check(t.Context(), h, Options{Explain: true}).Account.Facts, "nil is the initial state, and no operation led back to it")
	h.Operations[3].State, h.Initial = "x", "x"
	require.Contains(t, Check(t.Context(), h, Options{Explain: true}).Account.Facts, "x is the initial state, and no operation led back to it")
}

// Facts about values without a writer are of the state in which the object began.
func TestFactsAboutInitialStates(t *testing.T) {
	read := func(kind history.Kind, argument, state string) history.Operation {
		return history.Operation{ID: "r", Kind: kind, Argument: argument, State: state, Call: 20, Return: 30, Outcome: history.Committed, Version: history.NoVersion}
	}
	for _, c := range []struct {
		model   history.Model
		initial string
		ops     []history.Operation
		want    []string
	}{
		{history.ModelCASRegister, "0", []history.Operation{read(history.KindRead, "", "nil")}, []string{"no operation that was called before r returned wrote nil"}},
		{history.ModelKV, "nil", []history.Operation{read(history.KindRead, "", "1")}, []string{"no operation that was called before r returned wrote 1"}},
		{history.ModelSet, "[1]", []history.Operation{read(history.KindRead, "", "[1 9 nil]")}, []string{
			"1 is in the initial state, and no other operation added it", "no operation that was called before r returned added 9", "no operation that was called before r returned added nil",
		}},
		{history.ModelAppendList, "[1]", []history.Operation{read(history.KindRead, "", "[1 nil]")}, []string{
			"1 is in the initial state, and no other operation appended it", "no operation that was called before r returned appended nil",
		}},
		{history.ModelQueue, "[1 2]", []history.Operation{read(history.KindDequeue, "", "2")}, []string{"2 is in the initial state, and no other operation enqueued it"}},
		{history.ModelQueue, "[1 2]", []history.Operation{read(history.KindDequeue, "", "nil")}, []string{"no operation that was called before r returned enqueued nil"}},
		{history.ModelMultiRegister, "{x 1}", []history.Operation{read(history.KindTxn, "[[r x] [r y]]", "[[r x nil] [r y nil]]")}, []string{
			"no operation that was called before r returned wrote x = nil", "y = nil is the initial state, and no operation led back to it",
		}},
		{history.ModelMultiRegister, "{x 1}", []history.Operation{
			{ID: "w", Kind: history.KindTxn, Argument: "[[w x 2]]", Return: 10, Outcome: history.Committed, Version: history.NoVersion}, read(history.KindTxn, "[[r x]]", "[[r x 1]]"),
		}, []string{"x = 1 is the initial state, and no operation led back to it", "w returned before r was called"}},
	} {
		r := Check(t.Context(), history.History{Model: c.model, Initial: c.initial, Operations: c.ops}, Options{Explain: true})
		require.Equal(t, Violated, r.Status, c)
		require.Equal(t, c.want, r.Account.Facts, c)
	}
}

// The account of a large contradiction stays small, and takes no longer than the
// reading of it.
func TestAccountOfManyValues(t *testing.T) {
	h := history.History{Model: history.ModelAppendList}
	list := []string{"lost"}
	for i := range 5000 {
		list = append(list, fmt.Sprint(i))
		h.Operations = append(h.Operations, history.Operation{
			ID: fmt.Sprint("a", i), Kind: history.KindAppend, Argument: fmt.Sprint(i), Call: int64(10 * i), Return: int64(10*i + 5), Outcome: history.Committed, Version: history.NoVersion,
		})
	}
	read := history.Operation{ID: "r", Kind: history.KindRead, State: history.ListOf(list), Call: 1e6, Return: 1e6 + 1, Outcome: history.Committed, Version: history.NoVersion}
	h.Operations = append(h.Operations, read)
	j, err := newJudge(&h, nil)
	require.NoError(t, err)
	r := Result{Status: Violated, Culprit: &read, Contradiction: []history.Operation{read}}
	a := newAccount(r, j, machines(h.Operations)[0].operations)
	require.Len(t, a.Rows, 1+maxAdded)
	require.Equal(t, "no operation that was called before r returned appended lost", a.Facts[0])
	r.Contradiction = h.Operations
	require.Len(t, newAccount(r, j, machines(h.Operations)[0].operations).Rows, len(h.Operations))
}

// Every operation of a contradiction is a row, and each value seen in it has its
// writers there, or a fact that there is none.
func TestAccountsAreComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := corrupted(t, anyHistory(t, rapid.IntRange(1, 20).Draw(t, "operations"), 1))
		r := Check(t.Context(), h, Options{Explain: true})
		if r.Status != Violated {
			require.Nil(t, r.Account)
			return
		}
		rows := map[string]bool{}
		for _, row := range r.Account.Rows {
			rows[row.ID] = row.Contradicts
		}
		g, _ := history.GrammarOf(h.Model)
		for i := range r.Contradiction {
			seen := &r.Contradiction[i]
			require.True(t, rows[seen.ID])
			for _, value := range observed(&g, seen) {
				writers := 0
				for k := range h.Operations {
					op := &h.Operations[k]
					if op.ID != seen.ID && op.Outcome != history.Rejected && op.Call <= seen.Return && slices.Contains(writes(op), value) {
						writers++
					}
				}
				facts := strings.Join(r.Account.Facts, "\n")
				switch writers {
				case 0:
					require.Regexp(t, "no operation (that was called before "+regexp.QuoteMeta(seen.ID)+" returned .* "+value+"|led back to it)", facts)
				case 1:
					require.Regexp(t, `only \S+ (wrote|led to) `+value, facts)
				default:
					require.Regexp(t, `and .* (wrote|led to) `+value, facts)
				}
			}
		}
	})
}

// An undecided verdict tells where it was hardest, and what would help.
func TestHardest(t *testing.T) {
	h := history.History{Model: history.ModelRegister}
	for i := range 40 {
		op := history.Operation{
			ID: fmt.Sprint("w", i), Client: i, Kind: history.KindWrite, Argument: fmt.Sprint(i % 20), Call: int64(i), Return: 1000, Outcome: history.Committed, Version: history.NoVersion,
		}
		if i >= 30 {
			op.Outcome, op.Return = history.Unknown, history.NoReturn
		}
		h.Operations = append(h.Operations, op)
	}
	m := machines(h.Operations)[0]
	j, err := newJudge(&h, nil)
	require.NoError(t, err)
	r := m.undecided("the check ran out of time")
	r.Account = newAccount(r, j, m.operations)
	require.Equal(t, `hardest from 29ns to 1µs: 30 operations in flight change it: w0, w1, w2, w3, w4, w5, w6, w7, w8, w9 and 20 more; 10 of unknown outcome may take effect there
what would help:
  versions in responses: 30 of 30 have none
  values that are written only once: 0 was written 2 times
  fewer operations of unknown outcome: these are 10 of 40
  fewer clients at a time on one object
  more time or memory
`, r.Evidence())

	r = m.unjudgeable("it has an operation of another kind")
	require.Nil(t, newAccount(r, j, m.operations).Hardest)
}
