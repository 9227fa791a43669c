// Package golden compares the output of a test with a golden file, kept beside
// it.
//
// A test binary that imports the package has the flag -update, which writes the
// golden files from the current output; the change is then reviewed in the diff
// of the commit.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files as the code behaves now")

// Equal fails the test if the content of a file differs from got. With -update it
// writes the file.
func Equal(t testing.TB, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o777))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "-update writes the file")
	require.Equal(t, string(want), got, "%s: -update accepts the new text", file)
}

// Transcripts replays each file that matches pattern as a subtest. A transcript
// is a list of commands, one a line, each followed by its output, indented by
// four spaces. Empty lines and lines that begin with # are comments.
//
// play begins a transcript and returns the function that runs its commands: it
// takes the words of a line and returns the lines of the output.
func Transcripts(t *testing.T, pattern string, play func(t *testing.T) func(words []string) string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files, pattern)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			Equal(t, file, Replay(string(text), play(t)))
		})
	}
}

const indent = "    "

// Replay returns a transcript with the output of command for the words of each
// line. See [Transcripts].
func Replay(text string, command func(words []string) string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, indent) {
			continue
		}
		b.WriteString(line)
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		for answer := range strings.Lines(command(words)) {
			b.WriteString(indent + strings.TrimSuffix(answer, "\n") + "\n")
		}
	}
	return b.String()
}
