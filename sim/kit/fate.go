package kit

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim"
)

// fate tells how the three words of a type's fate names are found.
type fate struct {
	kind, key, op place
	kindHash      uint64 // of the kind, if the type decides it
}

// place is the place of a word of a fate name: a field, or none.
type place []int // as reflect.Value.FieldByIndex takes it

// fateOf finds the fields of s that are tagged, also those of embedded structs.
func (d *describer) fateOf(s *shape) fate {
	f := fate{kindHash: keyed.String(s.name)}
	if s.typ.Kind() == reflect.Struct && !s.digests && !s.errs {
		d.findTags(&f, s, nil)
	}
	return f
}

func (d *describer) findTags(f *fate, s *shape, path []int) {
	for i := range s.fields {
		in := &s.fields[i]
		at := append(path[:len(path):len(path)], in.index)
		if s.typ.Field(in.index).Anonymous && in.shape.typ.Kind() == reflect.Struct {
			d.findTags(f, in.shape, at)
		}
		if in.tag == "" {
			continue
		}
		words := map[string]*place{"kind": &f.kind, "key": &f.key, "op": &f.op}
		word := words[in.tag]
		kind := in.shape.typ.Kind()
		switch {
		case word == nil:
			d.refuse(in.name, fmt.Sprintf("has the tag fate:%q: want kind, key or op", in.tag))
		case *word != nil:
			d.refuse(in.name, fmt.Sprintf("is the second with the tag fate:%q: tag one field, or one that joins both", in.tag))
		case kind != reflect.String && (kind < reflect.Int || kind > reflect.Uint64):
			d.refuse(in.name, fmt.Sprintf("is a %v: the tag fate is for strings and integers", kind))
		}
		*word = at
	}
}

// word returns the word at p in v; fallback if there is none.
func (p place) word(v reflect.Value, fallback string) string {
	if p == nil {
		return fallback
	}
	f := v.FieldByIndex(p)
	s := f.String()
	if f.Kind() != reflect.String {
		s = number(f)
	}
	if s == "" {
		return fallback
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= utf8.RuneSelf {
			return strings.Map(noSpace, s)
		}
	}
	return s // as a rule
}

func noSpace(r rune) rune {
	if unicode.IsSpace(r) {
		return '_'
	}
	return r
}

// number is the text of an integer: its name, if its type has a method String.
func number(f reflect.Value) string {
	if s, ok := f.Interface().(fmt.Stringer); ok {
		return s.String()
	}
	if f.CanInt() {
		return strconv.FormatInt(f.Int(), 10)
	}
	return strconv.FormatUint(f.Uint(), 10)
}

// fateName returns the fate name of a value.
func (s *shape) fateName(v reflect.Value) string {
	return s.fate.kind.word(v, s.name) + " " + s.fate.key.word(v, "-") + " " + s.fate.op.word(v, "-")
}

// fateKey returns the fate key of a value.
func (s *shape) fateKey(v reflect.Value) uint64 {
	kind := s.fate.kindHash
	if s.fate.kind != nil {
		kind = keyed.String(s.fate.kind.word(v, s.name))
	}
	return sim.FateKeyOf(kind, keyed.String(s.fate.key.word(v, "-")), keyed.String(s.fate.op.word(v, "-")))
}

// kebab returns a Go name in kebab case: AppendEntries is append-entries, and
// HTTPRequest http-request.
func kebab(name string) string {
	var out strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		begins := i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if begins && runes[i-1] != '_' {
			out.WriteByte('-')
		}
		if r == '_' {
			r = '-'
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
