package model

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// collection returns a model with states that are slices of items.
func collection(name history.Model, step func(items []string, op *history.Operation) (next []string, possible bool)) *Model {
	return ready(name, Model{
		Init: func(string) any { return []string(nil) },
		Step: func(state any, op *history.Operation) (any, bool) {
			next, possible := step(state.([]string), op)
			return next, possible
		},
		Equal:     func(a, b any) bool { return slices.Equal(a.([]string), b.([]string)) },
		Key:       func(state any) string { return keyOf(state.([]string)) },
		Describe:  func(state any) string { return history.ListOf(state.([]string)) },
		Anonymous: true,
	})
}

// keyOf joins items with their lengths, as they may hold any byte.
func keyOf(items []string) string {
	var key []byte
	for _, item := range items {
		key = binary.AppendUvarint(key, uint64(len(item)))
		key = append(key, item...)
	}
	return string(key)
}

// Queue returns the model of a queue, first in, first out.
func Queue() *Model {
	return collection(history.ModelQueue, func(items []string, op *history.Operation) ([]string, bool) {
		switch {
		case op.Kind == history.KindEnqueue:
			return with(items, len(items), op.Argument), op.Outcome != history.Rejected
		case op.Outcome == history.Rejected:
			return items, len(items) == 0
		case len(items) == 0:
			return items, false
		}
		return items[1:], op.State == "" || op.State == items[0]
	})
}

// Set returns the model of a set.
func Set() *Model {
	return collection(history.ModelSet, func(items []string, op *history.Operation) ([]string, bool) {
		if op.Outcome == history.Rejected {
			return items, false
		}
		if op.Kind == history.KindRead {
			return items, op.State == "" || sameElements(items, op.State)
		}
		at, found := slices.BinarySearch(items, op.Argument)
		next, result := items, found
		switch {
		case op.Kind == history.KindAdd:
			if result = !found; result {
				next = with(items, at, op.Argument)
			}
		case op.Kind == history.KindRemove && found:
			next = slices.Concat(items[:at], items[at+1:])
		}
		return next, op.State == "" || op.State == strconv.FormatBool(result)
	})
}

// sameElements reports whether a list has these sorted elements, each once.
func sameElements(items []string, list string) bool {
	told, _ := history.Items(list)
	return slices.Equal(items, slices.Sorted(slices.Values(told)))
}

// AppendList returns the model of a list that only grows.
func AppendList() *Model {
	m := collection(history.ModelAppendList, func(items []string, op *history.Operation) ([]string, bool) {
		if op.Outcome == history.Rejected {
			return items, false
		}
		if op.Kind == history.KindAppend {
			items = with(items, len(items), op.Argument)
		}
		if op.State == "" {
			return items, true
		}
		told, _ := history.Items(op.State)
		return items, slices.Equal(items, told)
	})
	m.TooLate = func(state any, op *history.Operation) bool {
		items := state.([]string)
		told, isList := history.Items(op.State)
		return op.State != "" && isList && (len(items) > len(told) || !slices.Equal(items, told[:len(items)]))
	}
	return m
}

// with returns a copy of items with one more at a position.
func with(items []string, at int, item string) []string {
	return slices.Concat(items[:at], []string{item}, items[at:])
}
