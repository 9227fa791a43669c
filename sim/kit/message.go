package kit

import (
	"fmt"
	"reflect"

	"github.com/lockstep-dst/lockstep/sim"
)

// Message makes a message of a plain value, a struct as a rule, or of a pointer to one.
// The receiver gets the same value from Body.
//
//	type Prepare struct {
//		Key   string `fate:"key"`
//		Op    string `fate:"op"`
//		Term  int
//		Value string
//	}
//
//	out.Send(peer, kit.Message(Prepare{"x", "c1.2", 3, "new"}))
//
// Its fate name is the name of the type in kebab case and the fields with the tags
// fate:"key" and fate:"op", here "prepare x c1.2", and "-" in the place of a field that
// is missing or empty. A field with the tag fate:"kind" gives the first word in the
// place of the type. Tagged fields are strings or integers; spaces in them become "_".
// Do not tag a number that changes when the message is sent again, as a term, ballot,
// index or attempt: the network would decide anew for each, and plans would no longer
// find the message when anything before it changes.
//
// Its digest takes in every field, and all that pointers, slices and interfaces lead to.
// A field with a method Digest() uint64 counts with that, and an error with its text.
// Unexported fields, maps, floating point numbers, functions and channels panic at the
// first use of the type. Its text is the fate name with the other fields, or that of
// the method String if the type has one. If it has a method Single() bool, the message
// is sim.Single.
//
// The value must not be changed afterwards, nor what it points to, by the sender or by a
// receiver. A value that is a sim.Message already is returned as it is: methods written
// by hand take a third of the instructions.
func Message(v any) sim.Message {
	if m, ok := v.(sim.Message); ok {
		checkEmbedding(m)
		return m
	}
	f := newFact(v)
	if f.shape.name == "" && f.shape.fate.kind == nil {
		panic(fmt.Sprintf("kit: a message of type %v has no kind: name the type, or tag a field with fate:\"kind\"", f.shape.typ))
	}
	return &message{fact: f, key: f.shape.fateKey(f.value())}
}

// Fact makes an observation of a plain value, as Message does a message. Tags are of no
// concern. A value that is a sim.Observation already is returned as it is.
func Fact(v any) sim.Observation {
	if o, ok := v.(sim.Observation); ok {
		checkEmbedding(o)
		return o
	}
	f := newFact(v)
	return &f
}

// Body returns the value of which Message or Fact made m. Any other message or
// observation is returned as it is, so one type switch takes both.
func Body(m any) any {
	switch m := m.(type) {
	case *message:
		return m.body
	case *fact:
		return m.body
	}
	return m
}

// fact is an observation made by Fact.
type fact struct {
	body  any
	shape *shape // of the body, or of what it points to
}

func newFact(v any) fact {
	if v == nil {
		panic("kit: nil is no message and no fact: want a value, a struct as a rule")
	}
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		if reflect.ValueOf(v).IsNil() {
			panic(fmt.Sprintf("kit: a nil %v is no message and no fact: want a value", t))
		}
		t = t.Elem()
	}
	return fact{v, shapes.Get(t)}
}

func (f *fact) value() reflect.Value {
	v := reflect.ValueOf(f.body)
	if v.Kind() == reflect.Pointer {
		return v.Elem()
	}
	return v
}

// Digest implements sim.Observation.
func (f *fact) Digest() uint64 { return f.shape.mix(f.shape.hash, f.value(), 0) }

func (f *fact) String() string {
	if s, ok := f.body.(fmt.Stringer); ok {
		return s.String()
	}
	return f.shape.text(f.shape.name, f.value())
}

// message is a message made by Message.
type message struct {
	fact
	key    uint64
	single bool
}

// FateKey implements sim.Message.
func (m *message) FateKey() uint64 { return m.key }

// FateName implements sim.Message.
func (m *message) FateName() string { return m.shape.fateName(m.value()) }

// Single implements sim.Single.
func (m *message) Single() bool {
	s, ok := m.body.(sim.Single)
	return m.single || ok && s.Single()
}

func (m *message) String() string {
	if s, ok := m.body.(fmt.Stringer); ok {
		return s.String()
	}
	return m.shape.text(m.FateName(), m.value())
}

// checkEmbedding panics if v has its methods from an embedded message or observation,
// which does not know the other fields of v.
func checkEmbedding(v digester) {
	s := reflect.ValueOf(v)
	if s.Kind() == reflect.Pointer {
		s = s.Elem()
	}
	if s.Kind() != reflect.Struct || s.NumField() == 1 {
		return
	}
	for i := range s.NumField() {
		f := s.Type().Field(i)
		if !f.Anonymous || !f.IsExported() || f.Type.Kind() == reflect.Interface {
			continue
		}
		in := s.Field(i)
		if in.CanAddr() {
			in = in.Addr()
		}
		if d, ok := in.Interface().(digester); ok && d.Digest() == v.Digest() {
			panic(fmt.Sprintf("kit: type %v has its methods from the embedded %v, which does not know the other fields: give that field a name, or write the methods", s.Type(), f.Type))
		}
	}
}
