package wire_test

import (
	"bytes"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/stretchr/testify/require"
)

// For any bytes, the decoder's results do not depend on the chunks, and the frames of
// its payloads are the stream up to the place where it stopped.
func FuzzDecoder(f *testing.F) {
	for _, c := range codecs {
		stream := framed(f, c, samples()...)
		f.Add(stream, uint16(3))
		f.Add(stream[:len(stream)-1], uint16(100))
	}
	f.Add(make([]byte, 20), uint16(1))
	f.Fuzz(func(t *testing.T, stream []byte, size uint16) {
		want, wantBuffered, wantErr := decodeIn(stream, whole)
		got, buffered, err := decodeIn(stream, func() int { return int(size) + 1 })
		require.Equal(t, want, got)
		require.Equal(t, wantBuffered, buffered)
		require.Equal(t, wantErr, err)
		var again []byte
		for _, p := range got {
			again, err = wire.AppendFrame(again, []byte(p))
			require.NoError(t, err)
		}
		require.True(t, bytes.HasPrefix(stream, again))
		require.True(t, wantErr != nil || len(again)+buffered == len(stream))
	})
}

func FuzzJSON(f *testing.F) { fuzzCodec(f, wire.JSON{}) }

func FuzzCBOR(f *testing.F) { fuzzCodec(f, wire.CBOR{}) }

func FuzzBinary(f *testing.F) { fuzzCodec(f, wire.Binary{}) }

// No bytes make a codec panic. A message that it decodes is the same after another
// round trip, and all but JSON encode it as the same bytes.
func fuzzCodec(f *testing.F, c wire.Codec) {
	for _, m := range append(samples(), windowSamples()...) {
		b, err := c.Append(nil, m)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := c.Decode(data)
		if err != nil {
			require.ErrorIs(t, err, wire.ErrMessage)
			return
		}
		_ = m.String()
		b, err := c.Append(nil, m)
		require.NoError(t, err)
		again, err := c.Decode(b)
		require.NoError(t, err)
		require.Equal(t, m, again)
		if c.Name() != "json" {
			require.Equal(t, data, b)
		}
	})
}
