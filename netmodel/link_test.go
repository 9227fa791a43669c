package netmodel

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestLinkText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.Uint16Range(1, MaxID)
		want := Link{ID(id.Draw(t, "from")), ID(id.Draw(t, "to"))}
		text, err := json.Marshal([]Link{want})
		require.NoError(t, err)
		var got []Link
		require.NoError(t, json.Unmarshal(text, &got))
		require.Equal(t, []Link{want}, got)
	})
	require.Equal(t, "1>101", Link{1, 101}.String())
}

func TestLinkTextRefusesAllElse(t *testing.T) {
	for _, bad := range []string{"", "1", "1>", ">1", "1-2", "1>2>3", "0>1", "1>256", "1>65537", "01>2", "+1>2", " 1>2", "1>-2", "a>b"} {
		l := Link{7, 8}
		require.EqualError(t, l.UnmarshalText([]byte(bad)),
			`link "`+bad+`": want two processes from 1 to 255, as in "1>2"`)
		require.Equal(t, Link{7, 8}, l, "changed by a refused text")
	}
}
