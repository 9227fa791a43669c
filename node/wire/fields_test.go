package wire_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/stretchr/testify/require"
)

// Every field of every message survives every codec: each is set alone, to
// something that is not zero, and found again. So a field that is added to a message
// and not to its form fails here.
func TestEveryFieldSurvivesEveryCodec(t *testing.T) {
	seen := map[reflect.Type]bool{}
	for _, sample := range samples() {
		typ := reflect.TypeOf(sample).Elem()
		if seen[typ] {
			continue
		}
		seen[typ] = true
		t.Run(typ.Name(), func(t *testing.T) {
			fields := 0
			each(typ, func(path string, set func(message reflect.Value)) {
				fields++
				bare := least(typ)
				m := least(typ)
				set(reflect.ValueOf(m).Elem())
				require.NotEqual(t, bare, m, "%s is not set", path)
				for _, c := range codecs {
					b, err := c.Append(nil, m)
					require.NoError(t, err, "%s: %s", c.Name(), path)
					got, err := c.Decode(b)
					require.NoError(t, err, "%s: %s", c.Name(), path)
					require.Equal(t, m, got, "%s: %s", c.Name(), path)
				}
			})
			require.GreaterOrEqual(t, fields, typ.NumField())
		})
	}
	require.Len(t, seen, wire.Kinds, "samples hold every type")
}

// least is the message of a type with the least in it that codecs take.
func least(typ reflect.Type) node.Message {
	m := reflect.New(typ).Interface().(node.Message)
	switch m := m.(type) {
	case *node.Proposal:
		m.Phase = node.Prepare
	case *node.Acknowledgment:
		m.Phase = node.Prepare
	case *node.Reject:
		m.Phase = node.Prepare
	case *node.Request:
		m.Kind = node.Propose
	case *node.Reply:
		m.Kind, m.Outcome = node.Propose, node.Committed
	}
	return m
}

// each calls f for every field below a type, with what sets it in a message.
func each(typ reflect.Type, f func(path string, set func(reflect.Value))) {
	walk(typ, typ.Name(), func(v reflect.Value) reflect.Value { return v }, f)
}

// walk follows find from a message to a place of a type.
func walk(typ reflect.Type, path string, find func(reflect.Value) reflect.Value, f func(string, func(reflect.Value))) {
	switch {
	case typ.Kind() == reflect.Struct:
		for i := range typ.NumField() {
			name := typ.Field(i).Name
			walk(typ.Field(i).Type, path+"."+name, func(v reflect.Value) reflect.Value {
				owner := find(v)
				if e, ok := owner.Addr().Interface().(*node.Entry); ok && name == "Asked" {
					e.Kind = node.Void // only a void says what was asked for
				}
				return owner.Field(i)
			}, f)
		}
	case typ.Kind() == reflect.Pointer:
		walk(typ.Elem(), path, func(v reflect.Value) reflect.Value {
			p := find(v)
			if p.IsNil() {
				p.Set(reflect.New(typ.Elem()))
			}
			return p.Elem()
		}, f)
		f(path, func(v reflect.Value) { find(v).Set(reflect.New(typ.Elem())) })
	case typ.Kind() == reflect.Slice && typ.Elem().Kind() != reflect.Uint8:
		walk(typ.Elem(), path+"[1]", func(v reflect.Value) reflect.Value {
			list := find(v)
			if list.Len() == 0 {
				list.Set(reflect.MakeSlice(typ, 2, 2))
				sound(list)
			}
			return list.Index(1)
		}, f)
	default:
		f(path, func(v reflect.Value) {
			owner := reflect.Indirect(v)
			fill(find(owner))
			sound(find(owner))
		})
	}
}

// sound gives what is not free: of a range its depth.
func sound(v reflect.Value) {
	if list, ok := v.Interface().([]node.Range); ok {
		for i := range list {
			list[i].Depth = 3
		}
	}
}

// fill sets a place to something that is not zero, and not what least has.
func fill(v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *node.Phase:
		*x = node.Accept
	case *node.Kind:
		*x = node.ReadLocal
	case *node.Outcome:
		*x = node.Unknown
	case *node.Reason:
		*x = node.Abstains
	case *node.EntryKind:
		*x = node.VoidMismatch
	case *member.Stage:
		*x = member.Formed
	case *[]byte:
		*x = []byte{1, 0}
	case *[16]byte:
		*x = of("sixteen")
	case *string, *node.OpID:
		v.SetString("lifecycle/x")
	case *bool:
		*x = true
	default:
		if !v.CanUint() {
			panic(fmt.Sprintf("%v: say how it is filled", v.Type()))
		}
		v.SetUint(4)
	}
}

// The walk above goes everywhere.
func TestFieldsAreAllFound(t *testing.T) {
	var paths []string
	each(reflect.TypeFor[member.Introduction](), func(path string, _ func(reflect.Value)) {
		paths = append(paths, strings.TrimPrefix(path, "Introduction."))
	})
	require.Equal(t, []string{"Incarnation", "Boot", "Life", "Position", "Stage", "Cluster", "Members[1].ID", "Members[1].Incarnation",
		"Past[1].Boot", "Past[1].ID", "Past[1].End", "Known[1].Of", "Known[1].By", "Known[1].Memory.Incarnation", "Known[1].Memory.Boot",
		"Known[1].Memory.Life", "Known[1].Memory.Position", "Answer", "Abstains", "More"}, paths)
}
