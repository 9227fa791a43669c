package main

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMachineTableKnowsTheNewest(t *testing.T) {
	m := newMachineTable("a", 2)
	require.Equal(t, []string{"lifecycle/a-1", "lifecycle/a-2"}, m.keys)
	require.Equal(t, "Running", m.next(0))
	m.learn(0, "Stopped", 5)
	m.learn(0, "Running", 4)
	require.Equal(t, "Init", m.next(0))
	require.Equal(t, "Running", m.next(1))
	m.learn(0, "Init", 6)
	require.Equal(t, "Running", m.next(0))
}

func TestSpreads(t *testing.T) {
	m := newMachineTable("a", 10)
	chosen := func(spread string, client int) []int {
		counts := make([]int, 10)
		choose := m.chooser(spread, client, rand.New(rand.NewPCG(1, 1)))
		for range 10_000 {
			counts[choose()]++
		}
		return counts
	}
	require.Equal(t, 10_000, chosen(spreadFixed, 13)[3])
	for i, n := range chosen(spreadUniform, 13) {
		require.InDelta(t, 1000, n, 150, "machine %d", i)
	}
	zipf := chosen(spreadZipf, 13)
	require.Greater(t, zipf[0], 3*zipf[4])
	require.Greater(t, zipf[4], zipf[9])
	require.Positive(t, zipf[9])
}
