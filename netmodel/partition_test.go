package netmodel

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPartitionShapes(t *testing.T) {
	require.Equal(t, []Link{{1, 2}, {1, 3}}, OneWay([]ID{1}, []ID{2, 3}))
	require.Equal(t, []Link{{1, 2}, {1, 3}, {2, 1}, {3, 1}}, TwoWay([]ID{1}, []ID{2, 3}))
	require.Equal(t, []Link{{1, 2}, {2, 1}, {3, 4}, {4, 3}}, Partial([][2]ID{{1, 2}, {3, 4}}))
	require.Equal(t, []Link{{2, 1}, {2, 3}, {1, 2}, {3, 2}}, Isolate(2, []ID{1, 2, 3}))
	require.Empty(t, OneWay([]ID{1}, []ID{1}))
	require.Empty(t, TwoWay(nil, []ID{1}))
}

func TestAPartialPartitionIsNotTransitive(t *testing.T) {
	n := network(steady)
	for _, l := range Partial([][2]ID{{1, 2}}) {
		n.Cut(l)
	}
	require.False(t, n.Open(Link{1, 2}) || n.Open(Link{2, 1}))
	for _, l := range TwoWay([]ID{1, 2}, []ID{101}) {
		require.True(t, n.Open(l))
	}
}
