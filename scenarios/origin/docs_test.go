package origin_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/ORIGIN.md tells the stories of testdata/plans: its traces are those files.
func TestTheDocumentedTracesAreTrue(t *testing.T) {
	const doc = "../../docs/ORIGIN.md"
	text, err := os.ReadFile(doc)
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```trace ([a-z-]+)\n.*?```")
	require.GreaterOrEqual(t, len(blocks.FindAll(text, -1)), 8)
	got := blocks.ReplaceAllFunc(text, func(block []byte) []byte {
		name := string(blocks.FindSubmatch(block)[1])
		trace, err := os.ReadFile("../../testdata/plans/" + name + ".trace.txt")
		require.NoError(t, err)
		return []byte("```trace " + name + "\n" + string(trace) + "```")
	})
	requireGolden(t, doc, string(got))
}
