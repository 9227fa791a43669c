package lockstep

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
)

// maxFailures is the largest count that a node can have, over all counts that it can
// have had and all speeds of its clock.
func TestMaxFailuresIsTheLeastBound(t *testing.T) {
	const retry = scenarios.Duration(40)
	for most := range 14 {
		for took := scenarios.Duration(0); took < 2*retry<<maxDoublings; took += 3 {
			largest := 0
			for count := range most + 1 {
				resendTimeout := retry << min(count, maxDoublings)
				for quarters := scenarios.Duration(2); quarters <= 8; quarters++ { // of the true speed
					after := count
					if took*quarters/4 < resendTimeout/2 {
						after /= 2
					}
					largest = max(largest, after)
				}
			}
			require.Equal(t, largest, maxFailures(most, retry, took), "most %d, took %d", most, took)
		}
	}
}
