package wire_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/lockstep-dst/lockstep/sim/fieldtest"
	"github.com/stretchr/testify/require"
)

// Every field of every message survives every codec. Each is set alone, to a value
// other than zero, and found again. So a field that was added to a message but not to
// its form fails here.
func TestEveryFieldSurvivesEveryCodec(t *testing.T) {
	seen := map[reflect.Type]bool{}
	for _, sample := range samples() {
		typ := reflect.TypeOf(sample).Elem()
		if seen[typ] {
			continue
		}
		seen[typ] = true
		t.Run(typ.Name(), func(t *testing.T) {
			places := walker.Places(typ)
			for _, p := range places {
				bare, m := least(typ), least(typ)
				p.Set(m)
				require.NotEqual(t, bare, m, "%s is not set", p.Path)
				for _, c := range codecs {
					b, err := c.Append(nil, m)
					require.NoError(t, err, "%s: %s", c.Name(), p.Path)
					got, err := c.Decode(b)
					require.NoError(t, err, "%s: %s", c.Name(), p.Path)
					require.Equal(t, m, got, "%s: %s", c.Name(), p.Path)
				}
			}
			require.GreaterOrEqual(t, len(places), typ.NumField())
		})
	}
	require.Len(t, seen, wire.MessageTypes, "samples hold every type")
}

// least returns the minimal message of a type that codecs accept.
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

// walker fills messages with values that codecs accept.
var walker = fieldtest.Walker{Fill: fill, Prepare: prepare}

// prepare sets the owner's kind to one in which the field counts.
func prepare(owner reflect.Value, field string) {
	switch o := owner.Addr().Interface().(type) {
	case *node.Entry:
		if field == "Requested" {
			o.Kind = node.EntryTombstone // only a tombstone has the requested state
		}
	case *node.Proposal:
		if field == "Next" {
			o.Phase = node.Accept // a prepare has another ballot there
		}
		if field == "Extension" {
			o.Phase = node.Accept // it is in place of an accept's value
		}
	case *node.HashRange:
		o.Depth = 3 // the number of digits of a path
	}
}

// fill sets a place to a value of its type other than in least.
func fill(place reflect.Value) bool {
	switch x := place.Addr().Interface().(type) {
	case *node.Phase:
		*x = node.Accept
	case *node.Kind:
		*x = node.ReadLocal
	case *node.Outcome:
		*x = node.Unknown
	case *node.Reason:
		*x = node.Abstains
	case *node.EntryKind:
		*x = node.EntryTombstoneMismatch
	case *member.Stage:
		*x = member.Formed
	default:
		return false
	}
	return true
}

// Each field is set in some of the samples, which the golden files hold, and in some
// of the generated messages.
func TestSamplesSetEveryField(t *testing.T) {
	var drawn []node.Message
	for i := range 3000 {
		drawn = append(drawn, messages().Example(i))
	}
	for name, list := range map[string][]node.Message{"samples": samples(), "generated": drawn} {
		for typ, paths := range fieldtest.Unset(walker, list) {
			t.Errorf("%s: no %s sets %s", name, typ, strings.Join(paths, ", "))
		}
	}
}
