package wire_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// The golden files fix the encoding: they change only with Protocol.
const (
	goldenJSON   = "testdata/messages.jsonl"
	goldenCBOR   = "testdata/messages.cbor.txt"
	goldenBinary = "testdata/messages.binary.txt"
)

func TestGoldenJSON(t *testing.T) {
	var lines []byte
	for _, m := range samples() {
		var err error
		lines, err = wire.JSON{}.Append(lines, m)
		require.NoError(t, err)
		lines = append(lines, '\n')
	}
	golden.Equal(t, goldenJSON, string(lines))
	for i, line := range bytes.Split(bytes.TrimSpace(lines), []byte("\n")) {
		m, err := wire.JSON{}.Decode(line)
		require.NoError(t, err)
		require.Equal(t, samples()[i], m)
	}
}

// The file has each message as text, as bytes, and as bytes in diagnostic notation
// (RFC 8949, section 8).
func TestGoldenCBOR(t *testing.T) {
	var text strings.Builder
	for _, m := range samples() {
		b, err := wire.CBOR{}.Append(nil, m)
		require.NoError(t, err)
		words, err := cbor.Diagnose(b)
		require.NoError(t, err)
		fmt.Fprintf(&text, "# %s\n%s\n%s\n\n", m, hex.EncodeToString(b), words)
	}
	golden.Equal(t, goldenCBOR, text.String())
}

// The file has each message as text and as bytes.
func TestGoldenBinary(t *testing.T) {
	var text strings.Builder
	for _, m := range append(samples(), windowSamples()...) {
		b, err := wire.Binary{}.Append(nil, m)
		require.NoError(t, err)
		fmt.Fprintf(&text, "# %s\n%s\n\n", m, hex.EncodeToString(b))
		again, err := wire.Binary{}.Decode(b)
		require.NoError(t, err)
		require.Equal(t, m, again)
	}
	golden.Equal(t, goldenBinary, text.String())
}
