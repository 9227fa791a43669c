package checker

import (
	"cmp"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// beginning is the values with which objects begin, in the words of observed.
type beginning struct {
	values  map[string]bool
	several bool            // an object holds several values
	keys    map[string]bool // of registers that transactions use and that were written; nil for other objects
}

// beginningOf returns the beginning of an object, which may have a name.
func (j *judge) beginningOf(object string) beginning {
	b := beginning{values: map[string]bool{}}
	switch j.model.Name {
	case history.ModelQueue, history.ModelSet, history.ModelAppendList:
		b.several = true
		items, _ := history.Items(j.initial)
		for _, item := range items {
			b.values[item] = true
		}
	case history.ModelMultiRegister:
		b.keys = map[string]bool{}
		entries, _ := history.Entries(j.initial)
		for _, e := range entries {
			b.keys[e.Key], b.values[registerValue(e.Key, e.Value)] = true, true
		}
	case history.ModelMachine:
		b.values[j.initialText(object)] = true
	default:
		b.values[cmp.Or(j.initial, history.NoValue)] = true
	}
	return b
}

// has reports whether the object begins with a value.
func (b beginning) has(value string) bool {
	key, unwritten := strings.CutSuffix(value, registerValue("", history.NoValue))
	return b.values[value] || b.keys != nil && unwritten && !b.keys[key]
}

// registerValue is the value of a register that transactions use.
func registerValue(key, value string) string { return key + " = " + value }

// initialText returns the state in which a machine of a definition begins.
func (j *judge) initialText(machine string) string {
	name, _, _ := strings.Cut(machine, "/")
	for i := range j.definitions {
		if j.definitions[i].Name == name {
			return j.definitions[i].Initial
		}
	}
	return ""
}
