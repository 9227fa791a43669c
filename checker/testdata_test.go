package checker

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// Each history in testdata is in the format of history.Write, and has a file with its
// verdict and explanation.
func TestHistories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.jsonl")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			h, err := history.Read(bytes.NewReader(text))
			require.NoError(t, err)

			golden.Equal(t, strings.TrimSuffix(file, ".jsonl")+".golden", render(Check(t.Context(), h, Options{Explain: true})))

			var written bytes.Buffer
			require.NoError(t, history.Write(&written, h))
			require.Equal(t, string(text), written.String())
		})
	}
}

func render(r Result) string {
	var b strings.Builder
	fmt.Fprintln(&b, r.Status, r.Class)
	if r.Status != Linearizable {
		fmt.Fprintln(&b, r.Explanation)
	}
	if r.Premise != "" {
		fmt.Fprintln(&b, "begins as", r.Premise)
	}
	b.WriteString(Timeline(r.Contradiction))
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

// The first example in the documentation has the verdict that follows it.
func TestDocumentedExample(t *testing.T) {
	text, err := os.ReadFile("../docs/HISTORY.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "```jsonl\n")
	require.True(t, found)
	example, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	h, err := history.Read(strings.NewReader(example))
	require.NoError(t, err)
	r := Check(t.Context(), h, Options{Explain: true})
	require.Equal(t, Violated, r.Status)
	require.Contains(t, string(text), r.Explanation+"\n"+r.Evidence())
}
