package node

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// A machine holds the same values after it was folded, and shows them while it is folded.
func TestFoldedMachineHoldsTheSame(t *testing.T) {
	d := fsm.Lifecycle()
	number := rapid.Uint64Range(0, maxRound)
	ballot := rapid.Custom(func(t *rapid.T) Ballot {
		return Ballot{number.Draw(t, "round"), rapid.Uint64().Draw(t, "boot"), rapid.Uint32().Draw(t, "epoch"), ID(rapid.IntRange(1, 200).Draw(t, "node"))}
	})
	rapid.Check(t, func(t *rapid.T) {
		value := anyValue(t, &d, nil)
		if value.check(&d, 0) != nil { // only valid ones are held
			value = initial(&d, 0)
		}
		later := value.withEntry(Entry{ID: "later", Kind: EntryTombstone, Requested: "x", To: value.State}, 4)
		want := open{
			value: value, highestRound: number.Draw(t, "highest round"),
			holders: memberSet(rapid.Byte().Draw(t, "holders")), toldWithout: memberSet(rapid.Byte().Draw(t, "told")),
			otherActiveUntil: time.Duration(rapid.Int64Range(0, 1<<60).Draw(t, "until")),
		}
		if rapid.Bool().Draw(t, "cached") {
			want.cachedPromise = ballot.Draw(t, "promise")
		}
		accepted := ballot.Draw(t, "accepted")
		if rapid.IntRange(0, 5).Draw(t, "promised alone") == 0 {
			accepted, want.value = Ballot{}, nil
		}
		if want.chosen = rapid.SampledFrom([]*Value{nil, want.value, later}).Draw(t, "chosen"); want.chosen != nil {
			want.chosenAt = rapid.SampledFrom([]Ballot{accepted, ballot.Draw(t, "at")}).Draw(t, "chosen at")
		}

		f := folder{limit: 0}
		m := &machine{key: "lifecycle/m", def: &d, accepted: accepted, promised: Ballot{Round: 1}}
		f.attach(m)
		held := want
		m.open = &held
		record := appendRecord(nil, m, true)
		f.foldSpare() // it was just used
		require.Nil(t, m.open)
		require.Empty(t, f.opened)

		v, chosen, at := m.held()
		require.True(t, v.Equal(want.value) && chosen.Equal(want.chosen))
		require.Equal(t, want.chosenAt, at)
		require.Equal(t, want.chosenAt, m.chosenBallot())
		state, version, ok := m.learnt()
		require.Equal(t, want.chosen != nil, ok)
		if ok {
			require.Equal(t, want.chosen.State, state)
			require.Equal(t, want.chosen.Version, version)
		}
		require.Equal(t, record, appendRecord(nil, m, true), "compaction copies it without opening it")
		require.Nil(t, m.open)
		n := Node{folder: f}
		n.unfold(m)
		require.Equal(t, want.chosen == want.value, m.chosen == m.value, "one value is held once")
		got := *m.open
		require.True(t, got.value.Equal(want.value) && got.chosen.Equal(want.chosen))
		require.Equal(t, want.chosenAt, m.chosenBallot())
		got.value, got.chosen, got.used = want.value, want.chosen, false
		require.Equal(t, want, got)
	})
}

// folding is a node with machines that hold a value.
func folding(machines, limit int) *Node {
	d := fsm.Lifecycle()
	n := &Node{folder: folder{limit: limit}}
	for range machines {
		m := &machine{key: "lifecycle/m", def: &d, accepted: Ballot{Round: 1}}
		n.folder.attach(m)
		m.value = initial(&d, 0)
		n.byIndex = append(n.byIndex, m)
	}
	return n
}

// A machine that is used in each step stays open, while all others come by one after the other.
func TestWhatIsUsedStaysOpen(t *testing.T) {
	n := folding(50, 10)
	opened := 0
	for step := range 1000 {
		often := n.byIndex[0]
		if often.open == nil {
			opened++
		}
		n.unfold(often)
		n.unfold(n.byIndex[1+step%49])
		n.folder.foldSpare()
		require.Len(t, n.folder.opened, 10)
	}
	require.Less(t, opened, 5)
}

// Machines at work stay open, and a step may open more than the limit.
func TestWhatIsAtWorkStaysOpen(t *testing.T) {
	n := folding(5, 1)
	n.byIndex[0].work, n.byIndex[2].work = &work{}, &work{}
	n.folder.foldSpare()
	require.Len(t, n.folder.opened, 2)
	for _, m := range n.byIndex {
		n.unfold(m)
	}
	require.Len(t, n.folder.opened, 5)
	n.folder.foldSpare()
	require.NotNil(t, n.byIndex[0].open)
	require.NotNil(t, n.byIndex[2].open)
	require.Len(t, n.folder.opened, 2)
	require.LessOrEqual(t, len(n.folder.spare), maxSpare)
}

// However many machines each step opens, and whatever else does, no more stay open than are
// opened in two steps.
func TestFoldingKeepsUp(t *testing.T) {
	n := folding(20_000, 64)
	n.folder.foldSpare()
	for step := range 100 {
		for i := range 800 {
			n.unfold(n.byIndex[(step*800+i)%len(n.byIndex)])
		}
		n.folder.foldSpare()
		require.LessOrEqual(t, len(n.folder.opened), 64+2*800, "step %d", step)
	}
	for range 10 { // steps that open none
		n.folder.foldSpare()
	}
	require.Len(t, n.folder.opened, 64)
}

// A look at the whole node opens no machine.
func TestDumpOpensNothing(t *testing.T) {
	cfg := Defaults()
	cfg.ID, cfg.Members = 1, []ID{1}
	n, err := New(cfg)
	require.NoError(t, err)
	m := n.ensureMachine("lifecycle/m")
	m.promised, m.accepted, m.value = Ballot{Round: 1}, Ballot{Round: 1}, initial(m.def, 0)
	open := n.Dump()
	n.folder.limit = 0
	n.folder.foldSpare()
	require.Nil(t, m.open)
	require.Equal(t, open, n.Dump())
	require.Nil(t, m.open)
}
