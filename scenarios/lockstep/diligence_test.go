package lockstep

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
)

// The bound on a node's count of failures is the largest count that a node can
// have, of all counts it can have had and all speeds its clock can have.
func TestMostFailuresIsTheLeastBound(t *testing.T) {
	const retry = scenarios.Duration(40)
	for most := range 14 {
		for took := scenarios.Duration(0); took < 2*retry<<maxDoublings; took += 3 {
			largest := 0
			for count := range most + 1 {
				patience := retry << min(count, maxDoublings)
				for quarters := scenarios.Duration(2); quarters <= 8; quarters++ { // of the true speed
					after := count
					if took*quarters/4 < patience/2 {
						after /= 2
					}
					largest = max(largest, after)
				}
			}
			require.Equal(t, largest, mostFailures(most, retry, took), "most %d, took %d", most, took)
		}
	}
}
