package checker

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// Each history in testdata is in the format of Write, and has a file with its
// verdict and explanation.
func TestHistories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.jsonl")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			h, err := Read(bytes.NewReader(text))
			require.NoError(t, err)

			golden.Equal(t, strings.TrimSuffix(file, ".jsonl")+".golden", render(Check(t.Context(), h, Options{Explain: true})))

			var written bytes.Buffer
			require.NoError(t, Write(&written, h))
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
