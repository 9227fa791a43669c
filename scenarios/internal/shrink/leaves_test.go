package shrink

import (
	"reflect"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/rapidplan"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Every candidate is simpler than the value that it replaces, so that the search
// ends.
func TestCandidatesAreSimpler(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := netmodel.Duration(rapid.Int64Range(0, int64(netmodel.Minute)).Draw(t, "d"))
		timeout := rapid.Bool().Draw(t, "timeout")
		for _, c := range durations(d, timeout) {
			require.True(t, c == 0 && d != 0 || significantDigits(c) < significantDigits(d) || significantDigits(c) == significantDigits(d) && c < d, "%v for %v", c, d)
			require.True(t, c == 0 || c >= d || !timeout, "%v for %v", c, d)
		}
		n := rapid.Int64().Draw(t, "n")
		for _, c := range numbers(n) {
			require.True(t, n > 0 && c >= 0 && c < n || n < 0 && c <= 0 && c > n, "%d for %d", c, n)
		}
		p := netmodel.PPM(rapid.Uint32Range(0, uint32(netmodel.Always)).Draw(t, "p"))
		for _, c := range rates(p) {
			require.True(t, c == 0 || c == netmodel.Always || c < p, "%d for %d", c, p)
			require.NotEqual(t, p, c)
		}
	})
	require.Equal(t, []netmodel.Duration{0, 100 * netmodel.Millisecond, 400 * netmodel.Millisecond}, firsts(durations(482556793, false), 0, 3, 4))
	require.Equal(t, []netmodel.Duration{0, 500 * netmodel.Millisecond, 490 * netmodel.Millisecond}, durations(482556793, true))
}

func firsts(list []netmodel.Duration, at ...int) (out []netmodel.Duration) {
	for _, i := range at {
		out = append(out, list[i])
	}
	return out
}

// A copy is equal and shares nothing: changes of every value in it leave the plan
// unchanged.
func TestClonesShareNothing(t *testing.T) {
	shape := scenarios.Shape{System: "toy", Definitions: []fsm.Definition{fsm.Lifecycle()}, Profile: scenarios.All, Versions: true}
	rapid.Check(t, func(t *rapid.T) {
		p := rapidplan.Plan(shape).Draw(t, "plan")
		before := scenarios.Encode(p)
		q := clone(p)
		require.Equal(t, string(before), string(scenarios.Encode(q)))
		all := paths(q, func(v reflect.Value) bool { return v.Kind() != reflect.Slice && v.Kind() != reflect.Pointer })
		for _, at := range slices.Backward(all) { // inner ones first
			at.value(q).SetZero()
		}
		require.Equal(t, string(before), string(scenarios.Encode(p)))
	})
}
