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
		Init: func(string) any { return entries(nil) },
		Step: func(state any, op *history.Operation) (any, bool) {
			if op.Outcome == history.Rejected {
				return state, false
			}
			return transact(state.(entries), op)
		},
		Equal:     func(a, b any) bool { return slices.Equal(a.(entries), b.(entries)) },
		Key:       func(state any) string { return state.(entries).key() },
		Describe:  func(state any) string { return history.MapOf(state.(entries)) },
		Anonymous: true,
	})
}

// entries is a map whose entries are in order of their keys.
type entries []history.Entry

// find returns the index of a key, or where it would be.
func (e entries) find(key string) (at int, found bool) {
	return slices.BinarySearchFunc(e, key, func(x history.Entry, key string) int { return strings.Compare(x.Key, key) })
}

// get returns the value of a register.
func (e entries) get(key string) string {
	at, found := e.find(key)
	if !found {
		return history.NoValue
	}
	return e[at].Value
}

// set changes a value in place, and returns the map.
func (e entries) set(key, value string) entries {
	at, found := e.find(key)
	if !found {
		e = slices.Insert(e, at, history.Entry{Key: key})
	}
	e[at].Value = value
	return e
}

// key is a text that equal maps share.
func (e entries) key() string {
	items := make([]string, 0, 2*len(e))
	for _, x := range e {
		items = append(items, x.Key, x.Value)
	}
	return keyOf(items)
}

// transact returns the registers after a transaction, and whether its reads fit.
// A read sees the writes before it in the transaction.
func transact(registers entries, op *history.Operation) (any, bool) {
	asked, _ := history.Transaction(op.Argument)
	told, _ := history.Transaction(op.State)
	if op.State != "" && len(told) != len(asked) {
		return registers, false
	}
	next, written := registers, false
	for i, m := range asked {
		if op.State != "" && (told[i].Key != m.Key || told[i].Write != m.Write) {
			return registers, false
		}
		switch {
		case m.Write:
			if !written {
				next, written = slices.Clone(next), true
			}
			next = next.set(m.Key, m.Value)
		case op.State != "" && told[i].Value != "" && told[i].Value != next.get(m.Key):
			return registers, false
		}
	}
	return next, true
}

// Bank returns the model of a bank: accounts with whole numbers, none of which
// ever is below 0.
func Bank() *Model {
	return ready(history.ModelBank, Model{
		Init: func(string) any { return accounts(nil) },
		Step: func(state any, op *history.Operation) (any, bool) {
			before := state.(accounts)
			if op.Kind == history.KindRead {
				return before, op.Outcome != history.Rejected && (op.State == "" || before.are(op.State))
			}
			t, _ := history.ParseTransfer(op.Argument)
			next, possible := before.transfer(t)
			if op.Outcome == history.Rejected {
				return before, !possible
			}
			return next, possible
		},
		Equal:     func(a, b any) bool { return slices.Equal(a.(accounts), b.(accounts)) },
		Key:       func(state any) string { return state.(accounts).entries().key() },
		Describe:  func(state any) string { return history.MapOf(state.(accounts).entries()) },
		Anonymous: true,
	})
}

// accounts is the balances of a bank, in order of their names. The sum fits 64 bits.
type accounts []account

type account struct {
	name    string
	balance int64
}

func (a accounts) find(name string) (at int, found bool) {
	return slices.BinarySearchFunc(a, name, func(x account, name string) int { return strings.Compare(x.name, name) })
}

// transfer returns the accounts after a transfer, and whether it is possible. There is no
// money in an account that is not known.
func (a accounts) transfer(t history.Transfer) (next accounts, possible bool) {
	from, known := a.find(t.From)
	to, alsoKnown := a.find(t.To)
	if !known || !alsoKnown || a[from].balance < t.Amount {
		return a, false
	}
	next = slices.Clone(a)
	next[from].balance -= t.Amount
	next[to].balance += t.Amount
	return next, true
}

// are reports whether a map has these balances, as numbers.
func (a accounts) are(told string) bool {
	balances, _ := history.Entries(told)
	return slices.EqualFunc(a, balances, func(x account, e history.Entry) bool {
		n, err := strconv.ParseInt(e.Value, 10, 64)
		return err == nil && x == account{e.Key, n}
	})
}

func (a accounts) entries() entries {
	all := make(entries, len(a))
	for i, x := range a {
		all[i] = history.Entry{Key: x.name, Value: strconv.FormatInt(x.balance, 10)}
	}
	return all
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
	case history.ModelMultiRegister:
		all, _ := history.Entries(text)
		return entries(all)
	case history.ModelBank:
		return accountsOf(text)
	}
	return versioned{value: text}
}

// accountsOf returns the accounts with the balances of a text.
func accountsOf(text string) (all accounts) {
	balances, _ := history.ParseBalances(text)
	for _, name := range slices.Sorted(maps.Keys(balances)) {
		all = append(all, account{name, balances[name]})
	}
	return all
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
