package wire_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drain returns copies of all complete payloads.
func drain(d *wire.Decoder) (payloads []string, err error) {
	for {
		p, ok, err := d.Next()
		if err != nil || !ok {
			return payloads, err
		}
		payloads = append(payloads, string(p))
	}
}

// decodeIn decodes a stream in chunks of the lengths that size returns, to the end or
// the first error.
func decodeIn(stream []byte, size func() int) (payloads []string, buffered int, err error) {
	var d wire.Decoder
	for len(stream) > 0 {
		n := min(size(), len(stream))
		chunk := bytes.Clone(stream[:n])
		d.Write(chunk)
		clear(chunk) // the decoder keeps no reference
		got, err := drain(&d)
		payloads = append(payloads, got...)
		if err != nil {
			return payloads, d.Buffered(), err
		}
		stream = stream[n:]
	}
	return payloads, d.Buffered(), nil
}

func whole() int    { return 1 << 30 }
func bytewise() int { return 1 }

func TestAnyChunksGiveTheSameFrames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		var want []string
		for _, p := range rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 40), 0, 8).Draw(t, "payloads") {
			stream, _ = wire.AppendFrame(stream, p)
			want = append(want, string(p))
		}
		cut := rapid.IntRange(0, len(stream)).Draw(t, "cut")
		got, buffered, err := decodeIn(stream[:cut], func() int { return rapid.IntRange(1, 20).Draw(t, "chunk") })
		require.NoError(t, err)
		require.LessOrEqual(t, len(got), len(want))
		require.Equal(t, append([]string{}, want[:len(got)]...), append([]string{}, got...))
		length := 0
		for _, p := range got {
			length += 8 + len(p)
		}
		require.Equal(t, cut-length, buffered)
		require.True(t, cut < len(stream) || len(got) == len(want))
	})
}

// In a damaged stream, too, the payloads before the damage and the error do not depend
// on the chunks.
func TestAnyChunksGiveTheSameError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream := framed(t, wire.CBOR{}, rapid.SliceOfN(messages(), 1, 4).Draw(t, "messages")...)
		for range rapid.IntRange(0, 3).Draw(t, "damages") {
			stream[rapid.IntRange(0, len(stream)-1).Draw(t, "place")] = rapid.Byte().Draw(t, "byte")
		}
		want, wantBuffered, wantErr := decodeIn(stream, whole)
		got, buffered, err := decodeIn(stream, func() int { return rapid.IntRange(1, 1000).Draw(t, "chunk") })
		require.Equal(t, want, got)
		require.Equal(t, wantBuffered, buffered)
		require.Equal(t, wantErr, err)
	})
}

func TestDribble(t *testing.T) {
	big := strings.Repeat("x", wire.MaxFrame)
	stream, err := wire.AppendFrame(nil, []byte(big))
	require.NoError(t, err)
	stream, err = wire.AppendFrame(stream, []byte("y"))
	require.NoError(t, err)
	got, buffered, err := decodeIn(stream, bytewise)
	require.NoError(t, err)
	require.Zero(t, buffered)
	require.Equal(t, []string{big, "y"}, got)
}

func TestMemoryIsBounded(t *testing.T) {
	const chunk = 64 << 10
	var d wire.Decoder
	payload, frames := make([]byte, wire.MaxFrame), 0
	var stream []byte
	for range 20 {
		stream, _ = wire.AppendFrame(stream, payload)
		stream, _ = wire.AppendFrame(stream, payload[:1])
	}
	for rest := stream; len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
		d.Write(rest[:min(chunk, len(rest))])
		got, err := drain(&d)
		require.NoError(t, err)
		frames += len(got)
		require.LessOrEqual(t, d.Cap(), (wire.MaxFrame+chunk)*5/4+chunk) // append allocates a quarter more
	}
	require.Equal(t, 40, frames)
}

func TestFlippedBitsOfThePayloadFailTheChecksum(t *testing.T) {
	stream := framed(t, wire.CBOR{}, accept())
	for bit := 8 * 4; bit < 8*len(stream); bit++ { // from the checksum on
		stream[bit/8] ^= 1 << (bit % 8)
		_, _, err := decodeIn(stream, whole)
		require.ErrorIs(t, err, wire.ErrChecksum, "bit %d", bit)
		stream[bit/8] ^= 1 << (bit % 8)
	}
}

// A frame with a flipped bit in its length is never decoded as another frame.
func TestFlippedBitsOfTheLengthGiveNoFrame(t *testing.T) {
	stream := framed(t, wire.CBOR{}, samples()...)
	for bit := range 8 * 4 {
		damaged := bytes.Clone(stream)
		damaged[bit/8] ^= 1 << (bit % 8)
		got, buffered, err := decodeIn(damaged, whole)
		require.Empty(t, got, "bit %d", bit)
		require.True(t, err != nil || buffered == len(damaged), "bit %d", bit)
	}
}

func TestLengthsOutOfBoundsAreRefusedAtOnce(t *testing.T) {
	for length, want := range map[uint32]error{0: wire.ErrEmpty, wire.MaxFrame + 1: wire.ErrTooLong, 1<<32 - 1: wire.ErrTooLong} {
		var d wire.Decoder
		d.Write(binary.LittleEndian.AppendUint32(nil, length))
		_, ok, err := d.Next()
		require.False(t, ok)
		require.NoError(t, err, "half a head")
		d.Write(make([]byte, 4))
		_, _, err = d.Next()
		require.ErrorIs(t, err, want)
		require.Zero(t, d.Buffered())

		d.Write(make([]byte, 100)) // errors are final, and no data is kept
		_, ok, again := d.Next()
		require.False(t, ok)
		require.Equal(t, err, again)
		require.Zero(t, d.Buffered())
	}
	_, err := wire.AppendFrame(nil, nil)
	require.ErrorIs(t, err, wire.ErrEmpty)
	dst, err := wire.AppendFrame([]byte("before"), make([]byte, wire.MaxFrame+1))
	require.ErrorIs(t, err, wire.ErrTooLong)
	require.Equal(t, "before", string(dst))
}

func TestFramesFollowWhatIsThere(t *testing.T) {
	b, err := wire.AppendFrame([]byte("before"), []byte("123456789"))
	require.NoError(t, err)
	require.Equal(t, "before\x09\x00\x00\x00\x83\x92\x06\xe3123456789", string(b)) // the check value of CRC32C
}

func TestPayloadsCannotReachWhatFollows(t *testing.T) {
	var d wire.Decoder
	d.Write(framed(t, wire.CBOR{}, samples()...))
	p, ok, err := d.Next()
	require.True(t, ok)
	require.NoError(t, err)
	_ = append(p, 0xff, 0xff, 0xff)
	_, err = drain(&d)
	require.NoError(t, err)
}

func TestDecoderInSteadyStateDoesNotAllocate(t *testing.T) {
	stream := framed(t, wire.CBOR{}, samples()...)
	for _, size := range []int{1, 7, 100, 4096, len(stream)} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var d wire.Decoder
			frames := 0
			steady := func() {
				for rest := stream; len(rest) > 0; rest = rest[min(size, len(rest)):] {
					d.Write(rest[:min(size, len(rest))])
					for {
						_, ok, err := d.Next()
						if err != nil {
							t.Fatal(err)
						}
						if !ok {
							break
						}
						frames++
					}
				}
			}
			steady()
			require.Equal(t, len(samples()), frames)
			require.Zero(t, testing.AllocsPerRun(20, steady))
		})
	}
}
