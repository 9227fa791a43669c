package scenarios_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestASeedsChoicesAreInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := scenarios.FromSeed(rapid.Uint64().Draw(t, "seed"))
		n := rapid.Uint64Min(1).Draw(t, "n")
		require.Less(t, src.Choose(rapid.String().Draw(t, "label"), n), n)
	})
}

// A choice depends on its seed and its path alone, not on other choices before or
// after it.
func TestAChoiceIsItsPath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		labels := rapid.SliceOfNDistinct(rapid.StringN(1, 8, -1), 2, 20, rapid.ID[string]).Draw(t, "labels")
		busy := scenarios.FromSeed(seed)
		var sum uint64
		for _, label := range labels {
			sum += busy.Choose(label, 1000) + busy.At(label, 3).Choose("more", 1000)
		}
		require.LessOrEqual(t, sum, uint64(2*999*len(labels)))
		for i, label := range labels {
			require.Equal(t, scenarios.FromSeed(seed).Choose(label, 1000), busy.Choose(label, 1000))
			require.Equal(t, scenarios.FromSeed(seed).At(label, i).Choose("x", 1000), busy.At(label, i).Choose("x", 1000))
		}
	})
}

func TestThingsOfAKindChooseApart(t *testing.T) {
	src := scenarios.FromSeed(1)
	seen := map[uint64]bool{}
	for i := range 100 {
		seen[src.At("operation", i).Choose("at", 1<<60)] = true
		seen[src.At("fault", i).Choose("at", 1<<60)] = true
	}
	require.Len(t, seen, 200)
}

func TestSeedsChooseApart(t *testing.T) {
	plans := map[string]bool{}
	for seed := range uint64(100) {
		p := scenarios.Generate(seed, shape(scenarios.All))
		p.Seed = 0
		plans[string(scenarios.Encode(p))] = true
	}
	require.Len(t, plans, 100)
}
