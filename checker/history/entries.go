package history

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Entry is a key of a map with its value.
type Entry struct{ Key, Value string }

// Entries returns the entries of a map, by key: of one of EDN, as in {x 1, y 2}.
// It reports false if the text is no map, or a key is there twice.
func Entries(text string) (entries []Entry, ok bool) {
	inside, isMap := strings.CutPrefix(text, "{")
	inside, isWhole := strings.CutSuffix(inside, "}")
	items, ok := Items("[" + inside + "]")
	if !isMap || !isWhole || !ok || len(items)%2 != 0 {
		return nil, false
	}
	for pair := range slices.Chunk(items, 2) {
		entries = append(entries, Entry{pair[0], pair[1]})
	}
	slices.SortFunc(entries, func(x, y Entry) int { return strings.Compare(x.Key, y.Key) })
	for i := 1; i < len(entries); i++ {
		if entries[i].Key == entries[i-1].Key {
			return nil, false
		}
	}
	return entries, true
}

// MapOf returns the canonical text of a map with these entries, which must be in
// order of their keys.
func MapOf(entries []Entry) string {
	words := make([]string, len(entries))
	for i, e := range entries {
		words[i] = e.Key + " " + e.Value
	}
	return "{" + strings.Join(words, " ") + "}"
}

// MicroOp is a read or a write of a transaction.
type MicroOp struct {
	Write bool
	Key   string
	Value string // written, or found; empty if a read does not tell
}

// Transaction returns the operations of a transaction, as in [[r x 1] [w y 2]].
// A read without a value, as in [r x], does not tell it.
func Transaction(text string) (ops []MicroOp, ok bool) {
	items, ok := Items(text)
	if !ok || text == NoValue {
		return nil, false
	}
	for _, item := range items {
		parts, ok := Items(item)
		if !ok || len(parts) < 2 || len(parts) > 3 || parts[0] != "r" && parts[0] != "w" || parts[0] == "w" && len(parts) == 2 {
			return nil, false
		}
		op := MicroOp{Write: parts[0] == "w", Key: parts[1]}
		if len(parts) == 3 {
			op.Value = parts[2]
		}
		ops = append(ops, op)
	}
	return ops, true
}

// TransactionOf returns the canonical text of a transaction.
func TransactionOf(ops []MicroOp) string {
	words := make([]string, len(ops))
	for i, op := range ops {
		parts := []string{"r", op.Key}
		if op.Write {
			parts[0] = "w"
		}
		if op.Value != "" {
			parts = append(parts, op.Value)
		}
		words[i] = ListOf(parts)
	}
	return ListOf(words)
}

// Transfer moves an amount of money, above 0.
type Transfer struct {
	From, To string // accounts
	Amount   int64
}

// ParseTransfer returns the transfer that a list describes, as in [a b 5].
func ParseTransfer(text string) (t Transfer, ok bool) {
	items, ok := Items(text)
	if !ok || len(items) != 3 {
		return t, false
	}
	amount, err := strconv.ParseInt(items[2], 10, 64)
	return Transfer{items[0], items[1], amount}, err == nil && amount > 0
}

// ParseBalances returns the balances of accounts, as in {a 50 b 50}: whole numbers from 0,
// with a sum of at most 63 bits. It reports false if the text has none.
func ParseBalances(text string) (balances map[string]int64, ok bool) {
	entries, ok := Entries(text)
	if !ok {
		return nil, false
	}
	balances, sum := make(map[string]int64, len(entries)), int64(0)
	for _, e := range entries {
		n, err := strconv.ParseInt(e.Value, 10, 64)
		if err != nil || n < 0 || n > maxSum-sum {
			return nil, false
		}
		balances[e.Key] = n
		sum += n
	}
	return balances, true
}

// maxSum is the largest sum of balances.
const maxSum = 1<<63 - 1

// answerProblem returns the problem of the result of a transaction with these operations; empty
// if it is of the same ones.
func answerProblem(asked, told string) string {
	want, _ := Transaction(asked)
	got, _ := Transaction(told)
	same := func(x, y MicroOp) bool {
		return x.Write == y.Write && x.Key == y.Key && (!x.Write || x.Value == y.Value)
	}
	if slices.EqualFunc(want, got, same) {
		return ""
	}
	return fmt.Sprintf("%q: want the operations of the argument, %s, each read with the value that it found", told, asked)
}
