package jepsen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// function is a :f with the kind of operation that it stands for.
type function struct {
	f    string
	kind history.Kind
}

// functionsOf returns the functions of a model. Of several for one kind the first
// is the usual one.
func functionsOf(m history.Model) []function {
	read := []function{{":read", history.KindRead}, {":r", history.KindRead}, {":get", history.KindRead}}
	write := []function{{":write", history.KindWrite}, {":w", history.KindWrite}, {":put", history.KindWrite}}
	cas := function{":cas", history.KindCAS}
	switch m {
	case history.ModelMachine:
		return []function{{":propose", history.KindPropose}, {":read", history.KindRead}}
	case history.ModelRegister:
		return append(write, read...)
	case history.ModelKV:
		return slices.Concat(write, []function{cas, {":append", history.KindAppend}, {":delete", history.KindDelete}}, read)
	case history.ModelLock:
		return []function{{":acquire", history.KindAcquire}, {":release", history.KindRelease}, {":lock", history.KindAcquire}, {":unlock", history.KindRelease}}
	case history.ModelCounter:
		return []function{{":add", history.KindAdd}, {increment, history.KindAdd}, {":read", history.KindRead}}
	case history.ModelQueue:
		return []function{{":enqueue", history.KindEnqueue}, {":dequeue", history.KindDequeue}}
	case history.ModelSet:
		return []function{{":add", history.KindAdd}, {":remove", history.KindRemove}, {":contains", history.KindContains}, {":read", history.KindRead}}
	case history.ModelAppendList:
		return []function{{":append", history.KindAppend}, {":r", history.KindRead}, {":read", history.KindRead}}
	case history.ModelMultiRegister:
		return []function{{transaction, history.KindTxn}}
	case history.ModelBank:
		return []function{{":transfer", history.KindTransfer}, {":read", history.KindRead}}
	default:
		return slices.Concat(write, []function{cas}, read)
	}
}

// increment is the function that adds to a counter, one if it has no value.
const increment = ":inc"

// transaction is the function of transactions of micro-operations.
const transaction = ":txn"

// kindOf returns the kind for which a function stands.
func (b *builder) kindOf(f string) (history.Kind, error) {
	i := slices.IndexFunc(b.functions, func(known function) bool { return known.f == f })
	if i < 0 {
		return "", fmt.Errorf(":f: %s is not known to model %s: want %s%s", f, b.Model, b.usualFunctions(), otherModels(f))
	}
	return b.functions[i].kind, nil
}

// usualFunctions lists a function for each kind.
func (b *builder) usualFunctions() string {
	var names []string
	var kinds []history.Kind
	for _, known := range b.functions {
		if !slices.Contains(kinds, known.kind) {
			kinds, names = append(kinds, known.kind), append(names, known.f)
		}
	}
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// otherModels names the models that know a function, for an error.
func otherModels(f string) string {
	var names []string
	for _, g := range history.Grammars() {
		if slices.ContainsFunc(functionsOf(g.Name), func(known function) bool { return known.f == f }) {
			names = append(names, string(g.Name))
		}
	}
	switch {
	case f == transaction:
		return "; it is a transaction: " + elle
	case len(names) > 0:
		return "; it is known to model " + strings.Join(names, ", ")
	}
	return ""
}

// elle is the advice about transactions.
const elle = "Elle (https://github.com/jepsen-io/elle) judges these, and here model multi-register those that read and write registers of one strictly serializable object"

// request is a function with the object and the value that it is called with.
type request struct {
	f       string
	machine string
	value   value
}

// requestOf takes function and value of an event apart.
func (b *builder) requestOf(e *event) (r request, err error) {
	if e.f == transaction && b.Model == history.ModelAppendList {
		if e.key.String() != "" {
			return r, fmt.Errorf(":key: %s: the key of a transaction is in its operation: remove this one", short(e.key))
		}
		return b.microOperation(e.value)
	}
	r.f = e.f
	r.machine, r.value, err = b.split(e)
	return r, err
}

// microOperation takes the only micro-operation of a transaction apart.
func (b *builder) microOperation(v value) (request, error) {
	if v.kind != vector || len(v.items) != 1 || v.items[0].kind != vector || len(v.items[0].items) != 3 {
		return request{}, fmt.Errorf(":value: %s: want a transaction of one operation, as in [[:append key 1]]: "+
			"larger ones are not operations on one list; %s", short(v), elle)
	}
	parts := v.items[0].items
	return request{parts[0].String(), b.name(parts[1]), parts[2]}, nil
}

// transactionOf returns a transaction in the form of history.Transaction. Of a
// response a nil that was read is no claim if NilReads is set.
func (b *builder) transactionOf(v value, response bool) (string, error) {
	wrong := func(v value) error {
		return fmt.Errorf(":value: %s: want reads and writes, as in [[:read :x nil] [:write :y 2]]", short(v))
	}
	if v.kind != vector || v.tag != "" {
		return "", wrong(v)
	}
	ops := []history.MicroOp{}
	for _, item := range v.items {
		if item.kind != vector || len(item.items) != 3 {
			return "", wrong(item)
		}
		op := history.MicroOp{Key: b.mapKey(item.items[1]).String(), Value: item.items[2].String()}
		switch f := item.items[0].plain(); f {
		case "read", "r":
			if !response || b.NilReads && item.items[2].isNil() {
				op.Value = ""
			}
		case "write", "w":
			op.Write = true
		case "append":
			return "", fmt.Errorf(":value: %s: a list of a transaction: %s", short(item), elle)
		default:
			return "", wrong(item)
		}
		ops = append(ops, op)
	}
	return b.name(value{word: history.TransactionOf(ops)}), nil
}

// transferOf returns a transfer in the form of history.ParseTransfer.
func (b *builder) transferOf(v value) (string, error) {
	var parts []string
	for _, name := range []string{"from", "to", "amount"} {
		part, found := v.get(":" + name)
		if !found {
			part, found = v.get(quoted(name).word)
		}
		if !found {
			return "", fmt.Errorf(":value: %s: want {:from 0, :to 1, :amount 5}", short(v))
		}
		if name != "amount" {
			part = b.mapKey(part)
		}
		parts = append(parts, part.String())
	}
	return history.ListOf(parts), nil
}

// mapKey returns a key as the maps of the file have it: a text if it is of JSON, in which
// there are no others.
func (b *builder) mapKey(key value) value {
	if b.fast.json {
		return asText(key)
	}
	return key
}

// asText returns the text of an atom or a text.
func asText(v value) value {
	if v.kind != atom {
		return v
	}
	return quoted(v.plain())
}
