package model

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// MultiRegister returns the model of registers, by key, that transactions read
// and write together. It is one object: for transactions on objects of their
// own, of less than strict serializability, there is Elle.
func MultiRegister() *Model {
	return ready(history.ModelMultiRegister, Model{
		Init: func(string) any { return map[string]string(nil) },
		Step: func(state any, op *history.Operation) (any, bool) {
			if op.Outcome == history.Rejected {
				return state, false
			}
			return transact(state.(map[string]string), op)
		},
		Equal:     func(a, b any) bool { return maps.Equal(a.(map[string]string), b.(map[string]string)) },
		Describe:  func(state any) string { return history.MapOf(sortedEntries(state.(map[string]string))) },
		Anonymous: true,
	})
}

// transact returns the registers after a transaction, and whether its reads fit.
// A read sees the writes before it in the transaction.
func transact(registers map[string]string, op *history.Operation) (any, bool) {
	asked, _ := history.Transaction(op.Argument)
	told, _ := history.Transaction(op.State)
	if op.State != "" && len(told) != len(asked) {
		return registers, false
	}
	next := registers
	for i, m := range asked {
		if op.State != "" && (told[i].Key != m.Key || told[i].Write != m.Write) {
			return registers, false
		}
		if m.Write {
			next = maps.Clone(next)
			if next == nil {
				next = map[string]string{}
			}
			next[m.Key] = m.Value
			continue
		}
		held, written := next[m.Key]
		if !written {
			held = history.NoValue
		}
		if op.State != "" && told[i].Value != "" && told[i].Value != held {
			return registers, false
		}
	}
	return next, true
}

// Bank returns the model of a bank: accounts with whole numbers, none of which
// ever is below 0.
func Bank() *Model {
	return ready(history.ModelBank, Model{
		Init: func(string) any { return map[string]string(nil) },
		Step: func(state any, op *history.Operation) (any, bool) {
			balances := state.(map[string]string)
			if op.Kind == history.KindRead {
				told, _ := history.Entries(op.State)
				return balances, op.Outcome != history.Rejected && (op.State == "" || history.MapOf(told) == history.MapOf(sortedEntries(balances)))
			}
			t, _ := history.ParseTransfer(op.Argument)
			from, to := balance(balances, t.From), balance(balances, t.To)
			possible := from >= t.Amount
			if op.Outcome == history.Rejected {
				return balances, !possible
			}
			if !possible || t.From == t.To {
				return balances, possible
			}
			next := maps.Clone(balances)
			next[t.From], next[t.To] = strconv.FormatInt(from-t.Amount, 10), strconv.FormatInt(to+t.Amount, 10)
			return next, true
		},
		Equal:     func(a, b any) bool { return maps.Equal(a.(map[string]string), b.(map[string]string)) },
		Describe:  func(state any) string { return history.MapOf(sortedEntries(state.(map[string]string))) },
		Anonymous: true,
	})
}

// balance returns the balance of an account; 0 if there is none.
func balance(balances map[string]string, account string) int64 {
	n, _ := strconv.ParseInt(balances[account], 10, 64)
	return n
}

// sortedEntries returns the entries of a map by key.
func sortedEntries(m map[string]string) (entries []history.Entry) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		entries = append(entries, history.Entry{Key: key, Value: m[key]})
	}
	return entries
}

// initialState returns the state that a text, of the shape of the grammar's
// Initial, describes.
func initialState(name history.Model, text string) any {
	switch name {
	case history.ModelCounter:
		return integer(text)
	case history.ModelQueue, history.ModelAppendList:
		items, _ := history.Items(text)
		return items
	case history.ModelSet:
		items, _ := history.Items(text)
		slices.Sort(items)
		return slices.Compact(items)
	case history.ModelMultiRegister, history.ModelBank:
		entries, _ := history.Entries(text)
		m := map[string]string{}
		for _, e := range entries {
			m[e.Key] = e.Value
		}
		return m
	}
	return versioned{value: text}
}

// joined returns the text of two that are put together. Two in double quotes
// become one in double quotes.
func joined(a, b string) string {
	inside, quoted := strings.CutPrefix(b, `"`)
	if quoted && len(a) > 1 && a[0] == '"' && a[len(a)-1] == '"' && strings.HasSuffix(inside, `"`) {
		return a[:len(a)-1] + inside
	}
	return a + b
}
