package netmodel

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTablesAreTheQuantilesTheyClaimToBe(t *testing.T) {
	for _, c := range []struct {
		name     string
		table    [256]uint32
		quantile func(u float64) float64
	}{
		{"exponentialTable", exponentialTable, func(u float64) float64 { return -math.Log(1 - u) }},
		{"heavyTable", heavyTable, func(u float64) float64 { return math.Pow(1-u, -0.75) }},
	} {
		var want [256]uint32
		for i := range want {
			want[i] = uint32(math.Round(c.quantile(float64(i)/256) * (1 << 16)))
		}
		if want != c.table {
			t.Errorf("%s differs. It should be:\n%s", c.name, source(c.name, want))
		}
	}
}

// source returns the source text of a table in tables.go.
func source(name string, table [256]uint32) string {
	var b strings.Builder
	fmt.Fprintf(&b, "var %s = [256]uint32{", name)
	for i, v := range table {
		if i%8 == 0 {
			b.WriteString("\n\t")
		} else {
			b.WriteString(" ")
		}
		fmt.Fprintf(&b, "%d,", v)
	}
	b.WriteString("\n}")
	return b.String()
}

func TestQuantileFollowsTheExactCurveIntoTheTail(t *testing.T) {
	for _, u := range []uint64{0, 1 << 40, 1 << 62, 1 << 63, 0xfeff << 48, 0xff80 << 48, 0xffff80 << 40, 0xffffff80 << 32} {
		survival := 1 - float64(u>>11)/(1<<53)

		q, steps := quantile(&exponentialTable, u)
		got := float64(q)/(1<<32) + float64(steps)*math.Log(256)
		require.InDelta(t, -math.Log(survival), got, 0.01, "exponential at %#x", u)

		q, steps = quantile(&heavyTable, u)
		got = float64(q) / (1 << 32) * math.Pow(64, float64(steps))
		require.InEpsilon(t, math.Pow(survival, -0.75), got, 0.03, "heavy at %#x", u)
	}
}

func TestQuantileEndsOnAllOnes(t *testing.T) {
	q, steps := quantile(&exponentialTable, math.MaxUint64)
	require.Equal(t, []uint64{0, 8}, []uint64{q, steps})
}

// The largest delays at the end of the tail do not overflow.
func TestDrawsAreMonotonicAndBounded(t *testing.T) {
	d := Delay{Min: 1, Mean: MaxDelay, Max: MaxDelay}
	for _, draw := range []func(u uint64) Duration{d.exponential, d.heavy} {
		last := Duration(0)
		for u := uint64(0); u < math.MaxUint64-1<<48; u += 1 << 48 {
			require.GreaterOrEqual(t, draw(u), last)
			last = draw(u)
		}
		for shift := range 64 {
			require.LessOrEqual(t, draw(^uint64(0)>>shift<<shift), MaxDelay)
			require.GreaterOrEqual(t, draw(1<<shift), d.Min)
		}
		require.Equal(t, MaxDelay, draw(math.MaxUint64))
	}
}
