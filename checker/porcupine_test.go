package checker

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// Porcupine's memory is bounded, too.
func TestSearchGivesUp(t *testing.T) {
	h := largeHistory{operations: 1000, clients: 20, unknown: 50}.history(1)
	m := machines(h.Operations)[0]
	m.automaton, _ = automatonOf(h, m)
	require.Equal(t, unsure, m.search(context.Background(), m.checkedOps(), 1<<20))
}
