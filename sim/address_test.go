package sim

import (
	"encoding/json"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func anyAddress() *rapid.Generator[Address] {
	id, word := rapid.Uint16Range(1, netmodel.MaxID), rapid.StringMatching(`[a-zäö0-9/._#>-]{1,8}`)
	return rapid.Custom(func(t *rapid.T) Address {
		return Address{
			Link:       netmodel.Link{From: ID(id.Draw(t, "from")), To: ID(id.Draw(t, "to"))},
			Name:       word.Draw(t, "kind") + " " + word.Draw(t, "machine") + " " + word.Draw(t, "operation"),
			Occurrence: rapid.Uint32Min(1).Draw(t, "occurrence"),
		}
	})
}

func TestAddressText(t *testing.T) {
	a := Address{netmodel.Link{From: 1, To: 2}, "proposal lifecycle/a c1.2", 1}
	require.Equal(t, "1>2 proposal lifecycle/a c1.2 #1", a.String())
	text, err := json.Marshal(a)
	require.NoError(t, err)
	require.Equal(t, `"1\u003e2 proposal lifecycle/a c1.2 #1"`, string(text))

	rapid.Check(t, func(t *rapid.T) {
		want := anyAddress().Draw(t, "address")
		text, err := want.MarshalText()
		require.NoError(t, err)
		var got Address
		require.NoError(t, got.UnmarshalText(text))
		require.Equal(t, want, got)
	})
}

func TestAddressRefusesOtherText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "want LINK KIND MACHINE OPERATION #N"},
		{"1>2 proposal a b", "want LINK KIND MACHINE OPERATION #N"},
		{"1>2 proposal a b 1", "want LINK KIND MACHINE OPERATION #N"},
		{"1>2 proposal a b c #1", "want LINK KIND MACHINE OPERATION #N"},
		{"1-2 proposal a b #1", `message "1-2 proposal a b #1": link "1-2": want two processes`},
		{"1>2 proposal a b #0", "occurrence #0: want #1 or more"},
		{"1>2 proposal a b #-1", "occurrence #-1: want"},
		{"1>2 proposal a b #4294967296", "occurrence #4294967296: want"},
	} {
		kept := Address{Name: "kept"}
		require.ErrorContains(t, kept.UnmarshalText([]byte(c.text)), c.want)
		require.Equal(t, Address{Name: "kept"}, kept)
	}
}

func TestAddressWritesOnlyWhatItReads(t *testing.T) {
	for _, a := range []Address{
		{},
		{netmodel.Link{From: 1, To: 2}, "proposal a b", 0},
		{netmodel.Link{From: 1, To: 2}, "proposal b", 1},
		{netmodel.Link{From: 1}, "proposal a b", 1},
	} {
		_, err := a.MarshalText()
		require.Error(t, err)
	}
}

func TestAddressAndMessageAgreeOnTheFate(t *testing.T) {
	require.Equal(t, FateKeyOf(keyed.String("a"), keyed.String("b"), keyed.String("c")), FateKey("a", "b", "c"))
	rapid.Check(t, func(t *rapid.T) {
		m := note{kind: rapid.StringMatching(`\w+`).Draw(t, "kind"), operation: rapid.StringMatching(`\w+`).Draw(t, "operation")}
		require.Equal(t, m.FateKey(), Address{Name: m.FateName()}.FateKey())
	})
	require.Zero(t, Address{Name: "two words"}.FateKey())
	require.NotEqual(t, FateKey("a", "b", "c"), FateKey("a", "c", "b"))
}
