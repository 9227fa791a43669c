package node_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
)

// A node does the same, message for message and request for request, whether it folds each
// machine that is at rest or, but for those of a log that it reads, none.
func TestFoldingChangesNothing(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			var marks [2]node.Marks
			var transcripts [2]string
			for i, open := range []int{0, 1} {
				s := newChaos(t, seed, open)
				for _, h := range s.w.hosts[1:] {
					h.cfg.Marks = &marks[i] // of lives from the first crash on
				}
				s.w.verbose = true
				for range 3000 {
					s.randomEvent()
				}
				for _, h := range s.w.hosts[1:] {
					if h.node != nil {
						s.w.printf("%s", h.node.Dump())
					}
				}
				transcripts[i] = s.w.transcript.String()
			}
			require.Greater(t, marks[1][node.MarkUnfolded], 2*marks[0][node.MarkUnfolded])
			require.Equal(t, transcripts[0], transcripts[1])
		})
	}
}
