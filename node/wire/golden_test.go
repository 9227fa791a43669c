package wire_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/stretchr/testify/require"
)

const (
	goldenJSON = "testdata/messages.jsonl"
	goldenCBOR = "testdata/messages.cbor.txt"
)

// A golden file fixes the form on the wire: change it only with Protocol.
func golden(t *testing.T, path, got string) {
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestGoldenJSON(t *testing.T) {
	var lines []byte
	for _, m := range samples() {
		var err error
		lines, err = wire.JSON{}.Append(lines, m)
		require.NoError(t, err)
		lines = append(lines, '\n')
	}
	golden(t, goldenJSON, string(lines))
	for i, line := range bytes.Split(bytes.TrimSpace(lines), []byte("\n")) {
		m, err := wire.JSON{}.Decode(line)
		require.NoError(t, err)
		require.Equal(t, samples()[i], m)
	}
}

// Of each message the words, the bytes, and the bytes in diagnostic notation
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
	golden(t, goldenCBOR, text.String())
}
