package shrink

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// simplifyDefinitions puts the built-in definition in the place of others, or else gives
// long and odd names of theirs short ones.
func (s *search) simplifyDefinitions() {
	s.tryFirst(len(s.plan.Definitions), func(i int) *scenarios.Plan {
		known := fsm.Lifecycle()
		if slices.ContainsFunc(s.plan.Definitions, func(d fsm.Definition) bool { return d.Name == known.Name }) {
			return nil
		}
		q := withStrings(s.plan, renameDefinition(s.plan.Definitions[i].Name, known.Name))
		q.Definitions[i] = known
		q.Created = slices.DeleteFunc(q.Created, func(name string) bool { return name == known.Name })
		return q
	})
	s.tryFirst(numberings, func(first int) *scenarios.Plan { return withShortNames(s.plan, first+1) })
}

// numberings is how many sets of short names are tried: the choices that a plan leaves
// open, as the fresh operations of the heal phase, follow names.
const numberings = 8

// withShortNames is p with other names in place of the odd ones, numbered from first.
func withShortNames(p *scenarios.Plan, first int) *scenarios.Plan {
	q := p
	for i, d := range p.Definitions {
		if odd(d.Name) {
			q = withStrings(q, renameDefinition(d.Name, fmt.Sprintf("d%d", first+i)))
		}
		for k, state := range d.States {
			if odd(state) {
				q = withStrings(q, renameState(state, fmt.Sprintf("s%d", first+k)))
			}
		}
	}
	return q
}

// odd reports whether a name is one that nobody would choose.
func odd(name string) bool { return len(name) > 16 || strings.ContainsAny(name, ".:;%~ ") }

// renameDefinition changes the name of a definition, by itself, in keys of machines and in
// the addresses of messages about them.
func renameDefinition(from, to string) func(string) string {
	return func(text string) string {
		words := strings.Split(text, " ")
		for i, w := range words {
			switch definition, machine, isKey := strings.Cut(w, "/"); {
			case w == from:
				words[i] = to
			case isKey && definition == from:
				words[i] = to + "/" + machine
			case isKey && definition == fsm.MetaName && machine == from:
				words[i] = definition + "/" + to
			}
		}
		return strings.Join(words, " ")
	}
}

func renameState(from, to string) func(string) string {
	return func(text string) string {
		if text == from {
			return to
		}
		return text
	}
}

// withStrings is p with all of its texts changed.
func withStrings(p *scenarios.Plan, change func(string) string) *scenarios.Plan {
	q := clone(p)
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v = reflect.Indirect(v); v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.String:
			if v.CanSet() {
				v.SetString(change(v.String()))
			}
		}
	}
	walk(reflect.ValueOf(q).Elem())
	return q
}
