package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// Every mutant still applies to the present code, and changes it. The test fails
// when the code of a block changes: write the block anew.
func TestMutantsApply(t *testing.T) {
	all, err := load(filepath.Join(root, "testdata", "mutants"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(all), 45)
	of, fast, equivalent := map[string]int{}, 0, 0
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			changed, err := m.apply(root)
			require.NoError(t, err)
			for file, text := range changed {
				original, err := os.ReadFile(filepath.Join(root, file))
				require.NoError(t, err)
				require.NotEqual(t, string(original), text, "it changes nothing in %s", file)
			}
		})
		of[m.class]++
		if m.fast {
			fast++
		}
		if m.equivalent != "" {
			equivalent++
		}
	}
	for _, class := range classes {
		require.NotZero(t, of[class], "no mutant is of class %s", class)
	}
	require.InDelta(t, 9, fast, 3, "the gate has a few")
	require.LessOrEqual(t, equivalent, len(all)/10, "what is argued to be equivalent is not tested")
}

const header = "class: fsm\nwrong: all\nprecedent: none\ncatch: nothing\n"

func TestParse(t *testing.T) {
	m, err := parse("dir/bug.txt", `class: persistence
wrong: it says so
  too early
precedent: somebody#1
catch: durability/sent-before-sync
equivalent: nobody listens
fast: yes
tests: node/server ./node/tcp

-- old a.go --
one
-- new --
two
three

-- old b.go --
four
-- new --
`)
	require.NoError(t, err)
	require.Equal(t, &mutant{
		name: "bug", file: "dir/bug.txt", class: "persistence", wrong: "it says so too early", precedent: "somebody#1",
		catch: "durability/sent-before-sync", equivalent: "nobody listens", fast: true, tests: []string{"node/server", "node/tcp"},
		blocks: []block{{"a.go", "one\n", "two\nthree\n\n"}, {"b.go", "four\n", ""}},
	}, m)
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no block":      {header, "there are no blocks"},
		"no class":      {"wrong: all\n\n-- old a.go --\nx\n-- new --\ny\n", `class "": want one of persistence,`},
		"no precedent":  {"class: fsm\nwrong: all\ncatch: nothing\n\n-- old a.go --\nx\n-- new --\ny\n", "want wrong, precedent and catch"},
		"unknown field": {header + "colour: red\n\n-- old a.go --\nx\n-- new --\ny\n", `"colour": no such field`},
		"field twice":   {header + "catch: more\n\n-- old a.go --\nx\n-- new --\ny\n", "each name once"},
		"half fast":     {header + "fast: maybe\n\n-- old a.go --\nx\n-- new --\ny\n", "want yes"},
		"no new":        {header + "\n-- old a.go --\nx\n", "then -- new --"},
		"no old":        {header + "\n-- old a.go --\n-- new --\ny\n", "want lines"},
		"strange":       {header + "\n-- gold a.go --\nx\n-- new --\ny\n", "want -- old FILE --"},
		"no end":        {header + "\n-- old a.go --\nx\n-- new --\ny", "the last line does not end"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse("bug.txt", c.text)
			require.ErrorIs(t, err, errMutant)
			require.ErrorContains(t, err, "bug.txt")
			require.ErrorContains(t, err, c.want)
		})
	}
}

// A block that does not fit the code is an error that names the mutant, the file and
// the remedy. A mutant is never applied in part.
func TestApplyRefuses(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte("one\ntwo\none\n"), 0o666))
	for name, c := range map[string]struct {
		block
		want string
	}{
		"gone":       {block{"a.go", "three\n", ""}, "not in a.go any more; write it anew"},
		"part":       {block{"a.go", "wo\n", ""}, "not in a.go any more"}, // whole lines only
		"not unique": {block{"a.go", "one\n", ""}, "2 times in a.go; add lines around them"},
		"no file":    {block{"b.go", "one\n", ""}, "name the file where that code is now"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &mutant{file: "bug.txt", blocks: []block{{"a.go", "two\n", "2\n"}, c.block}}
			changed, err := m.apply(dir)
			require.ErrorIs(t, err, errMutant)
			require.ErrorContains(t, err, "bug.txt: block 2")
			require.ErrorContains(t, err, c.want)
			require.Nil(t, changed)
		})
	}
	m := &mutant{blocks: []block{{"a.go", "one\ntwo\n", "1\n2\n"}, {"a.go", "2\n", "3\n"}}}
	changed, err := m.apply(dir)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a.go": "1\n3\none\n"}, changed)
}
