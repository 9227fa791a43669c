package definition_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/definition"
	"github.com/stretchr/testify/require"
)

// The length is judged before the text: a text that is too long is not parsed, sound or not.
func TestWhatIsTooLongIsNotParsed(t *testing.T) {
	sound := "name: lamp\nstates: [off, on]\ninitial: off\ntransitions: [off -> on]\n#"
	text := sound + strings.Repeat("x", definition.MaxFile-len(sound))
	_, err := definition.Read("lamp.yaml", []byte(text))
	require.NoError(t, err)
	for _, text := range []string{text + "x", strings.Repeat("[", definition.MaxFile+1)} {
		_, err = definition.Read("lamp.yaml", []byte(text))
		require.ErrorIs(t, err, definition.ErrInvalid)
		require.ErrorContains(t, err, "lamp.yaml: invalid definition: more than 65536 bytes")
	}
}

// Of a file that is too long, no more is read than shows it.
func TestAFileThatIsTooLongIsNotRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large.yaml")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.Truncate(file, 1<<30))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := definition.ReadFile(file)
	runtime.ReadMemStats(&after)
	require.ErrorContains(t, err, "large.yaml: too large: it has more than 65536 bytes")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

// YAML that grows when it is read is refused: aliases of aliases, and lists in lists without end.
func TestBombs(t *testing.T) {
	bomb := "a: &a [x, x]\n"
	for c := 'b'; c <= 'z'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%c, *%c, *%c]\n", c, c, c-1, c-1, c-1)
	}
	for text, want := range map[string]string{
		bomb: `bomb.yaml:1: invalid definition: unknown field "a"`,
		"name: lamp\nstates: &s [off, on]\ninitial: off\nterminal: *s\n":          "bomb.yaml:4: invalid definition: *s: aliases are not read here",
		"name: &n lamp\nstates: [*n]\ninitial: off\n":                             "bomb.yaml:2: invalid definition: *n: aliases are not read here",
		"name: lamp\nstates: [off]\ninitial: off\ntransitions: [&t off->off, *t]": "bomb.yaml:4: invalid definition: *t: aliases are not read here",
		"name: &n lamp\nstates: [off]\ninitial: *n\n":                             "bomb.yaml:3: invalid definition: *n: aliases are not read here",
		"name: " + strings.Repeat("[", 60_000):                                    "bomb.yaml: invalid definition: exceeded max depth",
		"name: lamp\nstates: [" + strings.Repeat("s, ", 20_000) + "]\n":           "bomb.yaml:1: invalid definition: initial: missing",
		"name: lamp\ninitial: s\nstates: [" + strings.Repeat("s, ", 20_000) + "]": "bomb.yaml:3: invalid definition: 20000 states: want at most 255",
	} {
		_, err := definition.Read("bomb.yaml", []byte(text))
		require.ErrorContains(t, err, want)
		require.Less(t, len(err.Error()), 1000)
	}
}

// An error does not list hundreds of states.
func TestErrorsStayShort(t *testing.T) {
	var states []string
	for i := range 255 {
		states = append(states, fmt.Sprintf("s%d", i))
	}
	_, err := definition.Read("long.yaml", []byte("name: long\nstates: ["+strings.Join(states, ", ")+"]\ninitial: off\n"))
	require.EqualError(t, err, "long.yaml:3: invalid definition: initial: off is not among the 255 states")
}
