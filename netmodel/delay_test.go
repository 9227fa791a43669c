package netmodel

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func anyDelay() *rapid.Generator[Delay] {
	span := func(low Duration) *rapid.Generator[Duration] {
		return rapid.Map(rapid.Int64Range(int64(low), int64(MaxDelay)), func(v int64) Duration { return Duration(v) })
	}
	return rapid.Custom(func(t *rapid.T) Delay {
		d := Delay{Kind: rapid.SampledFrom([]DelayKind{Constant, Uniform, Exponential, Heavy}).Draw(t, "kind")}
		switch d.Kind {
		case Constant:
			d.Min = span(0).Draw(t, "min")
		case Uniform:
			d.Max = span(0).Draw(t, "max")
			d.Min = min(span(0).Draw(t, "min"), d.Max)
		default:
			d.Max = span(1).Draw(t, "max")
			d.Min = min(span(0).Draw(t, "min"), d.Max-1)
			d.Mean = span(1).Draw(t, "mean")
		}
		return d
	})
}

func TestDelayStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDelay().Draw(t, "delay")
		require.NoError(t, d.Validate())
		high := d.Max
		if d.Kind == Constant {
			high = d.Min
		}
		k := keyed.Seed(rapid.Uint64().Draw(t, "seed"))
		for i := range uint64(50) {
			at := d.At(k.Word(i))
			require.GreaterOrEqual(t, at, d.Min)
			require.LessOrEqual(t, at, high)
			require.Equal(t, at, d.At(k.Word(i)), "not a function of the key")
		}
	})
}

const draws = 1_000_000

// sample returns the mean of many delays, and the share of them above each bound.
func sample(d Delay, above ...Duration) (mean float64, shares []float64) {
	counts := make([]int, len(above))
	for i := range uint64(draws) {
		at := d.At(keyed.Seed(1).Word(i))
		mean += float64(at) / draws
		for j, bound := range above {
			if at > bound {
				counts[j]++
			}
		}
	}
	for _, c := range counts {
		shares = append(shares, float64(c)/draws)
	}
	return mean, shares
}

func TestUniformDelayIsUniform(t *testing.T) {
	mean, shares := sample(Delay{Kind: Uniform, Min: 1000, Max: 2000}, 1249, 1749, 1999)
	require.InEpsilon(t, 1500, mean, 0.001)
	require.InDelta(t, 751.0/1001, shares[0], 0.002)
	require.InDelta(t, 251.0/1001, shares[1], 0.002)
	require.InDelta(t, 1.0/1001, shares[2], 0.0002, "Max is inclusive")
}

func TestExponentialDelayHasItsMeanAndTail(t *testing.T) {
	const m = Millisecond
	mean, shares := sample(Delay{Kind: Exponential, Min: 5 * m, Mean: 2 * m, Max: MaxDelay},
		5*m+m, 5*m+2*m, 5*m+6*m, 5*m+14*m)
	require.InEpsilon(t, float64(2*m), mean-float64(5*m), 0.01)
	for i, multiple := range []float64{0.5, 1, 3, 7} {
		want := math.Exp(-multiple)
		require.InDelta(t, want, shares[i], 5*math.Sqrt(want/draws), "above %g means", multiple)
	}
}

func TestHeavyDelayHasItsTail(t *testing.T) {
	const m = Millisecond
	d := Delay{Kind: Heavy, Min: 5 * m, Mean: 4 * m, Max: MaxDelay}
	_, shares := sample(d, 5*m+m-1, 5*m+2*m, 5*m+4*m, 5*m+40*m, 5*m+400*m, 5*m+4000*m)
	require.Equal(t, 1.0, shares[0], "starts at a quarter of the mean")
	for i, multiple := range []float64{0.5, 1, 10, 100, 1000} {
		want := math.Pow(4*multiple, -4.0/3)
		require.InDelta(t, want, shares[i+1], 0.02*want+5*math.Sqrt(want/draws), "above %g means", multiple)
	}
}

// The mean of a Pareto draw cut off at c times its scale is 4 - 3/c^(1/3).
func TestHeavyDelayHasItsMeanLessWhatTheCapTakes(t *testing.T) {
	const m = Millisecond
	mean, _ := sample(Delay{Kind: Heavy, Mean: 4 * m, Max: 1000 * m})
	require.InEpsilon(t, (4-3/math.Cbrt(1000))*float64(m), mean, 0.01)
}

func TestDelayValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		d    Delay
		want string
	}{
		{Delay{Kind: 9}, "kind: 9 is unknown"},
		{Delay{Min: -1}, "min: -1ns is not in 0s to 1h0m0s"},
		{Delay{Min: MaxDelay + 1}, "min: 1h0m0.000000001s is not in"},
		{Delay{Mean: 1}, "mean: kind constant has none"},
		{Delay{Max: 1}, "max: kind constant has none"},
		{Delay{Kind: Uniform, Mean: 1, Max: 1}, "mean: kind uniform has none"},
		{Delay{Kind: Uniform, Min: 2, Max: 1}, "max: 1ns is below min, 2ns"},
		{Delay{Kind: Uniform, Max: MaxDelay + 1}, "max: "},
		{Delay{Kind: Exponential, Max: 1}, "mean: kind exponential needs one above 0"},
		{Delay{Kind: Exponential, Mean: 1}, "max: 0s is not above min, 0s"},
		{Delay{Kind: Heavy, Mean: -1, Max: 1}, "mean: -1ns is not in"},
		{Delay{Kind: Heavy, Mean: 1, Max: MaxDelay + 1}, "max: "},
	} {
		require.ErrorContains(t, c.d.Validate(), c.want, "%+v", c.d)
	}
}

func TestDelayJSON(t *testing.T) {
	text, err := json.Marshal(Delay{Kind: Heavy, Min: Millisecond, Mean: 2500 * Microsecond, Max: Second})
	require.NoError(t, err)
	require.JSONEq(t, `{"kind":"heavy","min":"1ms","mean":"2.5ms","max":"1s"}`, string(text))

	rapid.Check(t, func(t *rapid.T) {
		want := anyDelay().Draw(t, "delay")
		text, err := json.Marshal(want)
		require.NoError(t, err)
		var got Delay
		require.NoError(t, json.Unmarshal(text, &got))
		require.Equal(t, want, got)
	})

	var d Delay
	require.ErrorContains(t, json.Unmarshal([]byte(`{"kind":"normal"}`), &d),
		`delay kind "normal": want one of constant, uniform, exponential, heavy`)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"min":"3"}`), &d), `duration "3": want a number with a unit`)
	_, err = json.Marshal(Delay{Kind: 9})
	require.ErrorContains(t, err, "delay kind 9: unknown")
	require.Equal(t, "DelayKind(9)", DelayKind(9).String())
}

func TestTypicalDelay(t *testing.T) {
	require.Equal(t, Duration(7), Delay{Min: 7}.typical())
	require.Equal(t, Duration(15), Delay{Kind: Uniform, Min: 10, Max: 20}.typical())
	require.Equal(t, Duration(14), Delay{Kind: Exponential, Min: 10, Mean: 4, Max: 20}.typical())
	require.Equal(t, Duration(20), Delay{Kind: Heavy, Min: 10, Mean: 40, Max: 20}.typical())
}
