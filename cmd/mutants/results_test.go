package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pieces are the flags of a run of three mutants of the tiny module, whose driver is
// given to all pieces.
func pieces(t *testing.T) (*options, module, []*mutant) {
	m, all := tiny(t)
	all = slices.DeleteFunc(all, func(m *mutant) bool { return !slices.Contains([]string{"always-wrong", "harmless", "late"}, m.name) })
	require.Len(t, all, 3)
	return &options{settings: settings{starts: 3, seeds: 120, cpu: time.Minute}, jobs: 1,
		dir: filepath.Join(m.root, "mutants"), results: filepath.Join(t.TempDir(), "results")}, m, all
}

// writerFunc is a writer that is a function.
type writerFunc func(text []byte) (int, error)

func (f writerFunc) Write(text []byte) (int, error) { return f(text) }

// piece runs a piece as a command does, and returns its findings without times.
func piece(ctx context.Context, o *options, m module, all []*mutant, w writerFunc) (found []finding, left int, err error) {
	p := *o
	r, err := p.openResults(m.root)
	if err != nil {
		return nil, 0, err
	}
	defer r.close()
	table := &table{}
	left, err = p.fill(ctx, w, m, all, r, table)
	table.finish(all, r.took())
	for i := range table.Findings {
		table.Findings[i].Seconds, table.Findings[i].Worst = 0, 0
	}
	return table.Findings, left, err
}

// A run that is interrupted, cut off and limited ends with the findings of one that is not.
func TestPiecesAreOneRun(t *testing.T) {
	o, m, all := pieces(t)
	var said bytes.Buffer
	whole := *o
	whole.results = filepath.Join(t.TempDir(), "whole")
	want, left, err := piece(t.Context(), &whole, m, all, said.Write)
	require.NoError(t, err)
	require.Zero(t, left)
	require.Len(t, want, 3)

	ctx, interrupt := context.WithCancel(t.Context())
	_, _, err = piece(ctx, o, m, all, func(text []byte) (int, error) {
		if bytes.HasPrefix(text, []byte("  1/3 ")) {
			interrupt()
		}
		return len(text), nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "repeat the command to go on")
	kept, err := os.ReadFile(o.results)
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(kept, []byte("\n")))

	require.NoError(t, os.WriteFile(o.results, append(kept, kept[:len(kept)/2]...), 0o666))
	limited := *o
	limited.limit = 1
	found, left, err := piece(t.Context(), &limited, m, all, said.Write)
	require.NoError(t, err)
	require.Equal(t, 1, left)
	require.Equal(t, want[:2], found)

	found, left, err = piece(t.Context(), o, m, all, said.Write)
	require.NoError(t, err)
	require.Zero(t, left)
	require.Equal(t, want, found)

	said.Reset()
	nowhere := module{m.root, "no/such/driver"} // nothing is built, since nothing is missing
	found, _, err = piece(t.Context(), o, nowhere, all, said.Write)
	require.NoError(t, err)
	require.Equal(t, want, found)
	require.Equal(t, "3 of 3 mutants are in "+o.results+"\n", said.String())
}

// Findings of other sources or flags, and files of something else, are refused by the
// line, with the remedy, and stay as they are.
func TestResultsAreRefused(t *testing.T) {
	o, m, all := pieces(t)
	r, err := o.openResults(m.root)
	require.NoError(t, err)
	require.NoError(t, r.add(all[0], finding{Name: all[0].name, Status: killed}))
	require.NoError(t, r.add(all[1], finding{Name: all[1].name, Status: undecided}))
	require.NoError(t, r.close())
	text, err := os.ReadFile(o.results)
	require.NoError(t, err)
	good := string(text)
	require.Equal(t, 1, strings.Count(good, "\n"), "what is undecided is not kept")
	for name, c := range map[string]struct{ text, want string }{
		"another tree":   {good + strings.Replace(good, r.Tree, strings.Repeat("0", 64), 1), "line 2: bad file of results: mutant always-wrong was tested in another tree"},
		"other flags":    {strings.Replace(good, `"seeds":120`, `"seeds":121`, 1), "was tested with other flags: --starts 3 --seeds 121"},
		"damage":         {"{\n" + good, "line 1: bad file of results: unexpected end of JSON input: remove the line"},
		"something else": {"a poem", "it does not end in a result: give the name of another file"},
	} {
		require.NoError(t, os.WriteFile(o.results, []byte(c.text), 0o666))
		_, err := o.openResults(m.root)
		require.ErrorIs(t, err, errResults, name)
		require.ErrorContains(t, err, c.want, name)
		after, err := os.ReadFile(o.results)
		require.NoError(t, err)
		require.Equal(t, c.text, string(after), name)
	}
}

// A mutant whose file has changed is tested again. The name of its directory is no pattern.
func TestChangedMutantIsMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mutants[1]")
	require.NoError(t, os.Mkdir(dir, 0o777))
	loaded := func(new string) []*mutant {
		text := header + "-- old a.go --\none\n-- new --\n" + new
		require.NoError(t, os.WriteFile(filepath.Join(dir, "a.txt"), []byte(text), 0o666))
		all, err := load(dir)
		require.NoError(t, err)
		return all
	}
	old := loaded("two\n")
	r := &results{}
	require.NoError(t, r.add(old[0], finding{Name: "a"}))
	known, missing := r.split(old)
	require.Len(t, known, 1)
	require.Empty(t, missing)
	changed := loaded("three\n")
	known, missing = r.split(changed)
	require.Empty(t, known)
	require.Equal(t, changed, missing)
}

// Each source counts for the hash of a tree; documents, mutants, results and hidden files do not.
func TestHashTree(t *testing.T) {
	root := t.TempDir()
	hash := func() string {
		h, err := hashTree(root, filepath.Join(root, "mutants"), filepath.Join(root, "results"))
		require.NoError(t, err)
		return h
	}
	require.NoError(t, os.Mkdir(filepath.Join(root, "mutants"), 0o777))
	before := hash()
	for _, file := range []string{"README.md", "mutants/a.txt", "results", ".hidden"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, file), []byte(file), 0o666))
		require.Equal(t, before, hash(), file)
	}
	for _, file := range []string{"a.go", "go.sum", "plan.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, file), nil, 0o666))
		require.NotEqual(t, before, hash(), file)
		before = hash()
	}
}

// The times of pieces add up, each until its last finding.
func TestTimeOfPieces(t *testing.T) {
	a, b := time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC()
	r := &results{lines: []line{{Piece: a, Elapsed: 3}, {Piece: a, Elapsed: 2}, {Piece: b, Elapsed: 4}}}
	require.Equal(t, time.Duration(7), r.took())
}
