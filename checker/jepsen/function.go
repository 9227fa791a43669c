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
		return slices.Concat(write, []function{cas, {":delete", history.KindDelete}}, read)
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
	default:
		return slices.Concat(write, []function{cas}, read)
	}
}

// increment is the function that adds to a counter, one if it has no value.
const increment = ":inc"

// transaction is the function of list-append: a transaction of micro-operations.
const transaction = ":txn"

// kindOf returns the kind for which a function stands.
func (b *builder) kindOf(f string) (history.Kind, error) {
	i := slices.IndexFunc(b.functions, func(known function) bool { return known.f == f })
	if i < 0 {
		return "", fmt.Errorf(":f: %s is not known to model %s: want %s", f, b.Model, b.usualFunctions())
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
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// request is a function with the object and the value that it is called with.
type request struct {
	f       string
	machine string
	value   value
}

// requestOf takes function and value of an event apart.
func (b *builder) requestOf(e *event) (r request, err error) {
	if e.f == transaction && b.Model == history.ModelAppendList {
		return b.microOperation(e.value)
	}
	r.f = e.f
	r.machine, r.value, err = b.split(e.value)
	return r, err
}

// microOperation takes the only micro-operation of a transaction apart.
func (b *builder) microOperation(v value) (request, error) {
	if v.kind != vector || len(v.items) != 1 || v.items[0].kind != vector || len(v.items[0].items) != 3 {
		return request{}, fmt.Errorf(":value: %s: want a transaction of one operation, as in [[:append key 1]]: "+
			"larger ones are not operations on one list", short(v))
	}
	parts := v.items[0].items
	return request{parts[0].String(), b.name(parts[1]), parts[2]}, nil
}
