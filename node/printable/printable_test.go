package printable_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/stretchr/testify/require"
)

func TestTextIsShownAsWhatItIs(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"lifecycle/web Running": "lifecycle/web Running",
		"größer → 状態 😀":         "größer → 状態 😀",
		"\x1b[2Jgone":           `\u001b[2Jgone`,
		"\x1b]0;title\a":        `\u001b]0;title\u0007`,
		"one\r\ntwo\tthree":     `one\u000d\u000atwo\u0009three`,
		"user\u202etxt.exe":     `user\u202etxt.exe`,
		"a\u2066b\u2069c":       `a\u2066b\u2069c`,
		"\u009b31m":             `\u009b31m`,
		"\x9b31m":               `\x9b31m`,
		"no\u200bwidth\ufeff":   `no\u200bwidth\ufeff`,
		"line\u2028paragraph":   `line\u2028paragraph`,
		"tag\U000e0041":         `tag\udb40\udc41`,
		"\x7f\x00":              `\u007f\u0000`,
		"cut \xe2\x86":          `cut \xe2\x86`,
	} {
		require.Equal(t, want, printable.String(text))
	}
}

// However text is cut into writes, it comes out the same, with its lines.
func TestWriterKeepsLinesAndWholeCharacters(t *testing.T) {
	const text = "one → two\n\tthree \x1b[31m\u202e😀\r\nfour\xff\n"
	const want = "one → two\n\tthree \\u001b[31m\\u202e😀\\u000d\nfour\\xff\n"
	for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.HalfReader(strings.NewReader(text))} {
		var out strings.Builder
		w := printable.NewWriter(&out)
		n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{in}, make([]byte, 8))
		require.NoError(t, err)
		require.EqualValues(t, len(text), n)
		require.NoError(t, w.Flush())
		require.Equal(t, want, out.String())
	}
}

func TestFlushWritesTheBeginningOfACharacter(t *testing.T) {
	var out strings.Builder
	w := printable.NewWriter(&out)
	_, err := io.WriteString(w, "a\xe2\x86")
	require.NoError(t, err)
	require.Equal(t, "a", out.String())
	require.NoError(t, w.Flush())
	require.Equal(t, `a\xe2\x86`, out.String())
}

func TestJSONMeansTheSame(t *testing.T) {
	const text = "\x1b[31m\u202e\u009b\U000e0041\u2028"
	data, err := json.Marshal(text)
	require.NoError(t, err)
	var out strings.Builder
	_, err = printable.NewWriter(&out).Write(data)
	require.NoError(t, err)
	for _, r := range out.String() {
		require.Less(t, r, rune(0x7f))
	}
	var got string
	require.NoError(t, json.Unmarshal([]byte(out.String()), &got))
	require.Equal(t, text, got)
}
