package kit_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/fieldtest"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"github.com/stretchr/testify/require"
)

// Prepare is a message as a user writes it.
type Prepare struct {
	Key   string `fate:"key"`
	Op    string `fate:"op"`
	Term  int
	Index int
	Value string
}

func TestAStructIsAMessage(t *testing.T) {
	m := kit.Message(Prepare{"x", "c1.2", 3, 4, "new"})
	require.Equal(t, "prepare x c1.2", m.FateName())
	require.Equal(t, sim.FateKey("prepare", "x", "c1.2"), m.FateKey())
	require.Equal(t, "prepare x c1.2 Term=3 Index=4 Value=new", m.String())
	require.Equal(t, Prepare{"x", "c1.2", 3, 4, "new"}, kit.Body(m))
	require.False(t, m.(sim.Single).Single())
}

// A pointer to a struct is as good, and Body returns the pointer.
func TestAPointerIsAMessage(t *testing.T) {
	p := &Prepare{"x", "c1.2", 3, 4, "new"}
	m, same := kit.Message(p), kit.Message(*p)
	require.Same(t, p, kit.Body(m))
	require.Equal(t, same.String(), m.String())
	require.Equal(t, same.Digest(), m.Digest())
	require.Equal(t, same.FateKey(), m.FateKey())
}

type (
	header struct {
		Key   string `fate:"key"`
		Round int
	}
	withHeader struct {
		header
		Request int `fate:"op"`
	}
	anyKind struct {
		Type netmodel.Cause `fate:"kind"`
		To   sim.ID         `fate:"key"`
	}
	HTTPReply  struct{ Code uint16 }
	plainOnce  struct{ N int }
	plainWords struct{ N int }
	token      uint32
	empty      struct{}
	Old_Name   struct{}
)

func (plainOnce) Single() bool      { return true }
func (w plainWords) String() string { return fmt.Sprintf("number %d", w.N) }

func TestFateNamesAndTexts(t *testing.T) {
	for _, c := range []struct {
		v          any
		fate, text string
	}{
		{Prepare{}, "prepare - -", `prepare - - Term=0 Index=0 Value=""`},
		{Prepare{Key: "a b\n", Op: " c"}, "prepare a_b_ _c", `prepare a_b_ _c Term=0 Index=0 Value=""`},
		{withHeader{header{"k", 7}, 12}, "with-header k 12", "with-header k 12 Round=7"},
		{anyKind{netmodel.CutOff, 3}, strings.ReplaceAll(netmodel.CutOff.String(), " ", "_") + " 3 -", strings.ReplaceAll(netmodel.CutOff.String(), " ", "_") + " 3 -"},
		{HTTPReply{404}, "http-reply - -", "http-reply - - Code=404"},
		{token(9), "token - -", "token - - 9"},
		{empty{}, "empty - -", "empty - -"},
		{plainWords{5}, "plain-words - -", "number 5"},
		{Old_Name{}, "old-name - -", "old-name - -"},
	} {
		m := kit.Message(c.v)
		require.Equal(t, c.fate, m.FateName())
		require.Equal(t, c.text, m.String())
		a := sim.Address{Link: netmodel.Link{From: 1, To: 2}, Name: m.FateName(), Occurrence: 1}
		require.Equal(t, m.FateKey(), a.FateKey(), "a plan finds the message by its name")
	}
	require.True(t, kit.Message(plainOnce{}).(sim.Single).Single())
}

// everything has a field of each kind that a message may have.
type everything struct {
	Yes     bool
	I8      int8
	U64     uint64
	Text    string
	Bytes   []byte
	Sum     [4]byte
	List    []header
	Next    *everything
	Any     any
	Err     error
	Wait    sim.Duration
	Own     ownDigest
	Invoked *Prepare
	_       int // padding is no content
}

// ownDigest has a digest of its own, and so may have unexported fields.
type ownDigest struct{ n int }

func (o ownDigest) Digest() uint64 { return uint64(o.n) }

func filled() everything {
	return everything{
		Yes: true, I8: -1, U64: 1 << 63, Text: "a b", Bytes: []byte{0, 255}, Sum: [4]byte{1}, List: []header{{"k", 1}, {}},
		Next: &everything{Text: "inner"}, Any: Prepare{Key: "in"}, Err: errors.New("bad luck"), Wait: 1500 * netmodel.Microsecond, Own: ownDigest{7},
	}
}

func TestTextOfEveryKind(t *testing.T) {
	require.Equal(t, `everything Yes=true I8=-1 U64=9223372036854775808 Text="a b" Bytes="\x00\xff" Sum=[1 0 0 0] List=[{Key=k Round=1} {Key="" Round=0}] `+
		`Next={Yes=false I8=0 U64=0 Text=inner Bytes="" Sum=[0 0 0 0] List=[] Next=nil Any=nil Err=nil Wait=0s Own=kit_test.ownDigest#0 Invoked=nil} `+
		`Any={Key=in Op="" Term=0 Index=0 Value=""} Err="bad luck" Wait=1.5ms Own=kit_test.ownDigest#7 Invoked=nil`, kit.Fact(filled()).String())
	require.Equal(t, "prepare - - Term=0 Index=0 Value="+strings.Repeat("x", 64)+"+36", kit.Message(Prepare{Value: strings.Repeat("x", 100)}).String())
}

// Every place of every kind changes the digest, at any depth, and nothing else does.
func TestEveryFieldIsInTheDigest(t *testing.T) {
	w := fieldtest.Walker{Fill: func(place reflect.Value) bool {
		switch p := place.Addr().Interface().(type) {
		case *any:
			*p = token(4)
		case *error:
			*p = errors.New("other")
		case *ownDigest:
			p.n = 4
		case **everything:
			*p = &everything{Sum: [4]byte{9}}
		case *int:
			*p = 4
		default:
			return false
		}
		return true
	}}
	type all struct {
		Yes     bool
		I8      int8
		U64     uint64
		Text    string
		Bytes   []byte
		Sum     [4]byte
		List    []header
		Next    *everything
		Any     any
		Err     error
		Wait    sim.Duration
		Own     ownDigest
		Invoked *Prepare
	}
	require.Equal(t, reflect.TypeFor[all]().NumField()+1, reflect.TypeFor[everything]().NumField())
	seen := map[uint64]string{kit.Fact(all{}).Digest(): "zero"}
	for _, p := range w.Places(reflect.TypeFor[all]()) {
		var v all
		p.Set(&v)
		sum := kit.Fact(v).Digest()
		require.Equal(t, sum, kit.Fact(&v).Digest())
		require.Empty(t, seen[sum], "%s has the digest of another place", p.Path)
		seen[sum] = p.Path
	}
	require.Greater(t, len(seen), 18)
	require.Equal(t, kit.Fact(filled()).Digest(), kit.Fact(filled()).Digest(), "content counts, and not addresses")
}

func TestDigestsTellNeighboursApart(t *testing.T) {
	type pair struct{ A, B string }
	type lists struct{ A, B []string }
	type other struct{ A, B string }
	for _, c := range [][2]any{
		{pair{"a", ""}, pair{"", "a"}},
		{pair{"ab", "c"}, pair{"a", "bc"}},
		{pair{"a", "b"}, other{"a", "b"}},
		{lists{[]string{"a"}, nil}, lists{nil, []string{"a"}}},
		{lists{[]string{"a", "b"}, nil}, lists{[]string{"a"}, []string{"b"}}},
		{HTTPReply{1}, token(1)},
		{struct{ P *int }{new(int)}, struct{ P *int }{}},
		{struct{ V any }{int32(1)}, struct{ V any }{int64(1)}},
		{struct{ B []byte }{[]byte("12345678")}, struct{ B []byte }{[]byte("12345678\x00")}},
	} {
		require.NotEqual(t, kit.Fact(c[0]).Digest(), kit.Fact(c[1]).Digest(), "%#v and %#v", c[0], c[1])
	}
	require.Equal(t, kit.Fact(lists{}).Digest(), kit.Fact(lists{[]string{}, []string{}}).Digest(), "a codec may turn an empty slice into nil")
}

// ByHand is a message by hand.
type ByHand struct{ n int }

func (m *ByHand) FateKey() uint64  { return sim.FateKey("by-hand", "-", "-") }
func (m *ByHand) FateName() string { return "by-hand - -" }
func (m *ByHand) Digest() uint64   { return keyed.Mix(m.FateKey(), uint64(m.n)) }
func (m *ByHand) String() string   { return fmt.Sprint("by-hand ", m.n) }

func TestAMessageByHandIsLeftAsItIs(t *testing.T) {
	m := &ByHand{1}
	require.Same(t, m, kit.Message(m))
	require.Same(t, m, kit.Fact(m))
	require.Same(t, m, kit.Body(m))
	require.Nil(t, kit.Body(nil))
	several := &handPrepare{Key: "x"}
	require.Same(t, several, kit.Message(several))
	require.Equal(t, "number 5", kit.Fact(plainWords{5}).String())
	require.NotEqual(t, kit.Fact(struct{ M *ByHand }{}).Digest(), kit.Fact(struct{ M *ByHand }{m}).Digest())
}

type (
	embedsPointer struct {
		*ByHand
		Attempt int
	}
	embedsValue struct {
		ByHand
		Attempt int
	}
	hidden   struct{ Entry hiddenIn }
	hiddenIn struct {
		Good int
		term int
	}
	badTag struct {
		A string `fate:"keys"`
	}
	twoKeys struct {
		A string `fate:"key"`
		B string `fate:"key"`
	}
	boolKey struct {
		A bool `fate:"key"`
	}
	loop struct{ Next *loop }
)

func TestMisuseOfMessages(t *testing.T) {
	circle := &loop{}
	circle.Next = circle
	_ = hiddenIn{term: 1}
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "kit: nil is no message and no fact: want a value, a struct as a rule"},
		{(*Prepare)(nil), "kit: a nil *kit_test.Prepare is no message and no fact: want a value"},
		{struct{ A int }{}, `kit: a message of type struct { A int } has no kind: name the type, or tag a field with fate:"kind"`},
		{hidden{}, "kit: type kit_test.hidden: field Entry.term: is unexported, so it would be missing in the digest: export it, or give kit_test.hiddenIn a method Digest() uint64"},
		{struct{ M map[string]int }{}, "kit: type struct { M map[string]int }: field M: is a map, which has no order: use a sorted slice of pairs"},
		{struct{ L []float64 }{}, "kit: type struct { L []float64 }: field L: is a floating point number, which processors may round differently: use an integer in a smaller unit"},
		{struct{ F func() }{}, "kit: type struct { F func() }: field F: is a function, which has no content to hash: use data"},
		{struct{ C chan int }{}, "kit: type struct { C chan int }: field C: is a channel: a process gets all news as events"},
		{badTag{}, `kit: type kit_test.badTag: field A: has the tag fate:"keys": want kind, key or op`},
		{twoKeys{}, `kit: type kit_test.twoKeys: field B: is the second with the tag fate:"key": tag one field, or one that joins both`},
		{boolKey{}, "kit: type kit_test.boolKey: field A: is a bool: the tag fate is for strings and integers"},
	} {
		for range 2 { // a refusal is not forgotten
			require.PanicsWithValue(t, c.want, func() { kit.Message(c.v) })
		}
	}
	require.PanicsWithValue(t, "kit: type map[string]int: is a map, which has no order: use a sorted slice of pairs", func() { kit.Fact(struct{ V any }{map[string]int{}}).Digest() })
	require.PanicsWithValue(t, "kit: a value of type kit_test.loop is nested more than 100 deep: it may contain itself, and messages and facts must not", func() { kit.Message(circle).Digest() })
	require.NotPanics(t, func() { _ = kit.Message(circle).String() })
}

// An embedded message lends its methods to the struct around it: the digest would leave
// out the other fields.
func TestAnEmbeddedMessageIsRefused(t *testing.T) {
	const want = "which does not know the other fields: give that field a name, or write the methods"
	require.PanicsWithValue(t, "kit: type kit_test.embedsPointer has its methods from the embedded *kit_test.ByHand, "+want, func() {
		kit.Message(embedsPointer{&ByHand{1}, 2})
	})
	require.PanicsWithValue(t, "kit: type kit_test.embedsValue has its methods from the embedded kit_test.ByHand, "+want, func() {
		kit.Fact(&embedsValue{ByHand{1}, 2})
	})
}

// A message that is changed after it was sent is found by its digest.
func TestAChangeAfterSendingShows(t *testing.T) {
	p := &Prepare{Value: "a"}
	m := kit.Message(p)
	before := m.Digest()
	p.Value = "b"
	require.NotEqual(t, before, m.Digest())
}
