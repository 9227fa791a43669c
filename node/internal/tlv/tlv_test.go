package tlv_test

import (
	"bytes"
	"testing"

	"github.com/lockstep-dst/lockstep/node/internal/tlv"
	"github.com/stretchr/testify/require"
)

func TestFieldsAreReadAsWritten(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 255)
	list := tlv.Append(tlv.Append(tlv.Append(nil, 1, []byte("a")), 200, nil), 2, long)
	for _, want := range []struct {
		number byte
		data   []byte
	}{{1, []byte("a")}, {200, []byte{}}, {2, long}} {
		number, data, rest, ok := tlv.Next(list)
		require.True(t, ok)
		require.Equal(t, want.number, number)
		require.Equal(t, want.data, data)
		list = rest
	}
	require.Empty(t, list)
}

func TestFieldsThatAreCutOff(t *testing.T) {
	field := tlv.Append(nil, 1, []byte("abc"))
	for n := range field {
		_, _, _, ok := tlv.Next(field[:n])
		require.False(t, ok, "%d bytes", n)
	}
}
