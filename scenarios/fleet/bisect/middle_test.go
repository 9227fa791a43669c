package bisect

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Every commit of a history may be the first one, and any others may be skipped: each is
// tried once at most, and the search ends with the neighbours that can be told apart.
func TestEveryFirstCommitIsFound(t *testing.T) {
	const n = 12
	for first := range n {
		for holes := range 1 << (n - 1) { // of all commits but the last one
			skipped, lacks, shows, tries := map[int]bool{}, -1, n-1, 0
			for {
				at, ok := middle(lacks, shows, skipped)
				if !ok {
					break
				}
				tries++
				switch {
				case holes>>at&1 == 1:
					skipped[at] = true
				case at >= first:
					shows = at
				default:
					lacks = at
				}
			}
			require.LessOrEqual(t, tries, n-1)
			require.Less(t, lacks, first)
			require.GreaterOrEqual(t, shows, first)
			for at := lacks + 1; at < shows; at++ {
				require.True(t, holes>>at&1 == 1, "between them are only skipped ones")
			}
		}
	}
}
