package golden

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// echo has no output for a single word, and else prints the other words, one a
// line.
func echo(words []string) string { return strings.Join(words[1:], "\n") }

func TestReplay(t *testing.T) {
	const text = "# a comment\nsay a b\n    stale\n\nnothing\n    stale\n"
	require.Equal(t, "# a comment\nsay a b\n    a\n    b\n\nnothing\n", Replay(text, echo))
}

// A replay of a replay changes nothing.
func TestReplayIsStable(t *testing.T) {
	once := Replay("say one two\nsay three\n", echo)
	require.Equal(t, once, Replay(once, echo))
}

// failure is a test that may fail.
type failure struct {
	testing.TB
	failed bool
}

func (f *failure) Helper()               {}
func (f *failure) Errorf(string, ...any) { f.failed = true }
func (f *failure) FailNow()              { panic(f) }

func equal(t *testing.T, file, got string) (failed bool) {
	f := &failure{TB: t}
	defer func() { failed = f.failed; _ = recover() }()
	Equal(f, file, got)
	return
}

func TestEqual(t *testing.T) {
	file := filepath.Join(t.TempDir(), "testdata", "file.txt")
	require.True(t, equal(t, file, "text"), "a file that is not there")
	*update = true
	require.False(t, equal(t, file, "text"))
	*update = false
	require.False(t, equal(t, file, "text"))
	require.True(t, equal(t, file, "other"))
}
