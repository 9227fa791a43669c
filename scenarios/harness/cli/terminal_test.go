package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// Long lines break at spaces, and the spaces within a line stay.
func TestWrap(t *testing.T) {
	for _, c := range []struct {
		line string
		want string
	}{
		{"", ""},
		{"fits in here", "fits in here"},
		{"one two three four five", "one two three\n  four five"},
		{"  one   two three four", "  one   two\n  three four"},
		{"ein größeres Übel", "ein größeres\n  Übel"},
		{"averyveryverylongword and more", "averyveryverylongword\n  and more"},
		{"and averyveryverylongword", "and\n  averyveryverylongword"},
	} {
		require.Equal(t, c.want, Wrap(c.line, 14, 2))
	}
}

// A list breaks between its items, and not within them.
func TestWrapList(t *testing.T) {
	require.Equal(t, "hits: drop 7,\n  gap 12,\n  reorder 1234,\n  cut 1", WrapList("hits:", []string{"drop 7", "gap 12", "reorder 1234", "cut 1"}, 13, 2))
	require.Equal(t, "hits: drop 7", WrapList("hits:", []string{"drop 7"}, 13, 2))
	require.Equal(t, "hits:", WrapList("hits:", nil, 13, 2))
}

// A line to paste has the flags that were given, in other places with other values.
func TestCommandLine(t *testing.T) {
	root := &cobra.Command{Use: "mine"}
	cmd := &cobra.Command{Use: "fuzz", Run: func(*cobra.Command, []string) {}}
	root.AddCommand(cmd)
	f := cmd.Flags()
	f.Uint64("seeds", 0, "")
	f.Duration("for", 0, "")
	f.String("out", "", "")
	f.StringSlice("without", nil, "")
	f.Bool("no-shrink", false, "")
	f.Bool("strict", true, "")
	f.String("profile", "all", "")
	root.SetArgs([]string{"fuzz", "--seeds", "7", "--for=90s", "--out", "my dir", "--without", "a,b", "--without", "c", "--no-shrink", "--strict=false"})
	require.NoError(t, root.Execute())
	require.Equal(t, ProgramName()+" fuzz --no-shrink --out 'my dir' --strict=false --without a,b,c --seeds 5 --start 9",
		CommandLine(cmd, nil, map[string]string{"for": "", "seeds": "5", "start": "9"}))
	require.Equal(t, ProgramName()+" fuzz 3 --for 1m30s --no-shrink --out 'my dir' --seeds 7 --strict=false --without a,b,c", CommandLine(cmd, []string{"3"}, nil))
}

// Each line of a text fits with its own indent, and a line to paste stays whole.
func TestFit(t *testing.T) {
	paste := "go on with: " + ProgramName() + " replay plan.json"
	require.Equal(t, "one two three\n  four\n  five six\n    seven\n"+paste+"\n",
		fit("one two three four\n  five six seven\n"+paste+"\n", 14, 0))
	require.Equal(t, "1 ← 2 one\n      two", fit("1 ← 2 one two", 10, 6))
	require.Equal(t, "no terminal, so it stays as it is", Fit(&strings.Builder{}, "no terminal, so it stays as it is", 0))
}
