package origin_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// docs/ORIGIN.md describes the plans of testdata/plans, and docs/FAILURES.md one of
// them: the traces in them are these files.
func TestTheDocumentedTracesAreTrue(t *testing.T) {
	requireTraces(t, "../../docs/ORIGIN.md", 8)
	requireTraces(t, "../../docs/FAILURES.md", 1)
}

func requireTraces(t *testing.T, doc string, least int) {
	text, err := os.ReadFile(doc)
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```trace ([a-z-]+)\n.*?```")
	require.GreaterOrEqual(t, len(blocks.FindAll(text, -1)), least)
	got := blocks.ReplaceAllFunc(text, func(block []byte) []byte {
		name := string(blocks.FindSubmatch(block)[1])
		trace, err := os.ReadFile("../../testdata/plans/" + name + ".trace.txt")
		require.NoError(t, err)
		return []byte("```trace " + name + "\n" + string(trace) + "```")
	})
	golden.Equal(t, doc, string(got))
}
