package invariant

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	Check(true, "two and two are four")
	require.PanicsWithValue(t, "broken invariant: two and two are four", func() { Check(2+2 == 5, "two and two are four") })
}
