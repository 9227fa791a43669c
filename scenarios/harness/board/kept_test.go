package board

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The text of a verdict names the failure, and the line that repeats it.
func TestParseVerdict(t *testing.T) {
	for _, c := range []struct {
		text string
		want Kept
	}{
		{"mine, seed 7: violated linearizability/read at 78ms\nA read is stale\nmore\n\nrepeat it: mine replay 7\n",
			Kept{System: "mine", Seed: "7", Signature: "linearizability/read", Sentence: "A read is stale", Replay: "mine replay 7"}},
		{"mine, seed 7: undecided\nThe check gave up\n", Kept{System: "mine", Seed: "7", Signature: "undecided", Sentence: "The check gave up"}},
		{"seed 7 was undecided in 5s, and was decided when it ran again:\nmine, seed 7: passed\nAll is well\nrepeat it: mine replay 7\n",
			Kept{System: "mine", Seed: "7", Signature: "undecided", Sentence: "All is well", Replay: "mine replay 7"}},
		{"mine, seed 18446744073709551615: violated a/b at 1s\ns\nrepeat it: of the system\nrepeat it: of the campaign\n",
			Kept{System: "mine", Seed: "18446744073709551615", Signature: "a/b", Sentence: "s", Replay: "of the campaign"}},
		{"something else\n", Kept{}},
		{"", Kept{}},
	} {
		var k Kept
		k.parseVerdict(c.text)
		require.Equal(t, c.want, k, c.text)
	}
}

// Only folders with a file of a failure are failures, and links are not followed.
func TestReadKept(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b/verdict.txt", "mine, seed 7: violated a/b at 1s\nSo it is\n")
	write(t, dir, "b/notes.txt", "of the user")
	write(t, dir, "a/plan.json", "{}")
	write(t, dir, "other/readme", "no failure")
	write(t, dir, "plan.json", "no folder")
	require.NoError(t, os.Symlink(filepath.Join(dir, "b"), filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink(filepath.Join(dir, "plan.json"), filepath.Join(dir, "a", "trace.txt")))
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	list, notes, err := readKept(root)
	require.NoError(t, err)
	require.Empty(t, notes)
	require.Len(t, list, 2)
	require.Equal(t, "a", list[0].Folder)
	require.Equal(t, []string{"plan.json"}, list[0].Files)
	require.Equal(t, "b", list[1].Folder)
	require.Equal(t, "a/b", list[1].Signature)
	require.Equal(t, []string{"verdict.txt"}, list[1].Files)
	require.False(t, list[1].Changed.IsZero())
}

// write writes a file, and makes its folder.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o777))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o666))
}
