package scenarios

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Every kind of faults has a complete row: a name of its own, fields that faults have,
// families, words, and a generator whose faults are valid and of those families.
func TestFaultKindsAreComplete(t *testing.T) {
	names, used := map[FaultKind]bool{"": true}, slices.Clone(commonFields)
	for _, row := range faultKinds {
		t.Run(string(row.kind), func(t *testing.T) {
			for _, name := range []FaultKind{row.kind, row.was} {
				require.False(t, name != "" && names[name], "%q is taken", name)
				names[name] = true
			}
			require.Equal(t, row.kind, row.kind.renamed())
			if row.was != "" {
				require.Equal(t, row.kind, row.was.renamed())
			}
			fields := slices.Concat(row.needed, row.optional)
			require.Subset(t, faultFields, fields)
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(fields))), len(fields), "a field listed twice")
			require.NotContains(t, fields, "kind")
			used = append(used, fields...)

			require.NotZero(t, row.families)
			require.NotNil(t, row.words)
			require.NotNil(t, row.generate)
			require.Equal(t, slices.Contains(aimedKinds, row.kind), row.aim != nil, "aimedKinds lists the kinds that can be aimed")
			require.Equal(t, len(row.families.list()) > 1, row.familiesOf != nil, "a choice from several families")
			require.False(t, row.cuts != nil && !row.ofLinks, "nodes have no cuts")
		})
	}
	slices.Sort(used)
	require.ElementsMatch(t, faultFields, slices.Compact(used), "a field that no kind has")
}

// A fault that the generator chooses has the fields of its kind, and is of its families.
func TestGeneratedFaultsAreOfTheirKind(t *testing.T) {
	shape := Shape{System: "any", Profile: All, Majority: true, ProvesLoss: true, Stops: true, Reconfigures: true, Definitions: []fsm.Definition{fsm.Lifecycle()}, Nodes: 5, Everything: true}
	generated := map[FaultKind]int{}
	for seed := range uint64(100) {
		p := Generate(seed, shape)
		require.NoError(t, p.Validate())
		for i := range p.Faults {
			f := &p.Faults[i]
			generated[f.Kind]++
			row := f.Kind.row()
			require.Zero(t, f.families()&^(row.families|setOf(Flaps, Restarts, Freezes)), f)
			require.NotEqual(t, string(f.Kind), f.String(), "words")
			require.NotContains(t, f.String(), "%!")
		}
	}
	for _, kind := range FaultKinds() {
		require.NotZero(t, generated[kind], kind)
	}
}

// A fault of no kind is refused with the list of the kinds.
func TestFaultOfNoKind(t *testing.T) {
	p := Generate(1, Shape{System: "any", Profile: None, Definitions: []fsm.Definition{fsm.Lifecycle()}, Nodes: 3})
	p.Faults = []Fault{{Kind: "earthquake", For: netmodel.Second}}
	err := p.Validate()
	require.ErrorIs(t, err, ErrPlan)
	require.ErrorContains(t, err, `faults[0].kind: "earthquake": want one of profile_override, partition, one_way, cut,`)
	for _, kind := range FaultKinds() {
		require.ErrorContains(t, err, string(kind))
	}
	require.Equal(t, "earthquake", p.Faults[0].String())
}
