package fieldtest_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/sim/fieldtest"
)

type inner struct {
	Kind uint8
	Text string
}

type outer struct {
	Yes   bool
	Count *int64
	Bytes []byte
	Name  [4]byte
	List  []inner
	Inner *inner
}

func TestPlacesAreAllFound(t *testing.T) {
	var paths []string
	for _, p := range (fieldtest.Walker{}).Places(reflect.TypeFor[outer]()) {
		paths = append(paths, p.Path)
		var o outer
		p.Set(&o)
		require.NotEqual(t, outer{}, o, p.Path)
	}
	require.Equal(t, []string{
		"outer.Yes", "outer.Count", "outer.Count", "outer.Bytes", "outer.Name", "outer.List[1].Kind", "outer.List[1].Text", "outer.List",
		"outer.Inner.Kind", "outer.Inner.Text", "outer.Inner",
	}, paths)
}

func TestFillAndPrepareAreAsked(t *testing.T) {
	w := fieldtest.Walker{
		Fill: func(place reflect.Value) bool {
			s, ok := place.Addr().Interface().(*string)
			if ok {
				*s = "mine"
			}
			return ok
		},
		Prepare: func(owner reflect.Value, field string) {
			if i, ok := owner.Addr().Interface().(*inner); ok && field == "Text" {
				i.Kind = 7
			}
		},
	}
	var i inner
	places := w.Places(reflect.TypeFor[inner]())
	places[1].Set(&i)
	require.Equal(t, inner{7, "mine"}, i)
}

func TestWhatCannotBeFilledPanics(t *testing.T) {
	type odd struct{ F func() }
	require.PanicsWithValue(t, "fieldtest: odd.F: add how a func() is filled", func() {
		fieldtest.Walker{}.Places(reflect.TypeFor[odd]())
	})
}

func TestUnset(t *testing.T) {
	n := int64(0)
	unset := fieldtest.Unset(fieldtest.Walker{}, []*outer{
		{Yes: true, List: []inner{{Kind: 1}}},
		{Bytes: []byte{0}, Count: &n, Inner: &inner{Text: "x"}},
	})
	require.Equal(t, map[string][]string{"outer": {"outer.Name", "outer.List[1].Text", "outer.Inner.Kind"}}, unset)
}
