package server

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Who has no room is cut off and hears of it; the others miss nothing.
func TestHubCutsOffTheSlow(t *testing.T) {
	h := watchHub{keys: map[string][]*watcher{}}
	slow := &watcher{single: true, prefix: "lifecycle/a", changes: make(chan change, 2)}
	all := &watcher{prefix: "lifecycle/", caughtUp: true, changes: make(chan change, 9)}
	other := &watcher{single: true, prefix: "lifecycle/b", changes: make(chan change, 9)}
	for _, w := range []*watcher{slow, all, other} {
		h.add(w)
	}
	for range 5 {
		h.publish(change{key: "lifecycle/a"})
	}
	require.Len(t, all.changes, 5)
	require.Empty(t, other.changes)
	for range 2 {
		_, ok := <-slow.changes
		require.True(t, ok)
	}
	_, ok := <-slow.changes
	require.False(t, ok, "closed")
	require.EqualValues(t, 1, h.cutOff.Load())
	require.EqualValues(t, 2, h.watchers.Load())
	for _, w := range []*watcher{slow, all, other} {
		h.remove(w)
	}
	require.Zero(t, h.watchers.Load())
	require.Empty(t, h.keys)
	require.Empty(t, h.prefixes)
}

// Who is being told of the present hears only of changes of what it has been told
// of: the rest it will be told of as it is then.
func TestWatcherWants(t *testing.T) {
	w := &watcher{prefix: "lifecycle/"}
	require.False(t, w.wants("lifecycle/a"))
	w.cursor = "lifecycle/b"
	require.True(t, w.wants("lifecycle/a"))
	require.True(t, w.wants("lifecycle/b"))
	require.False(t, w.wants("lifecycle/c"))
	require.False(t, w.wants("another/a"))
	w.caughtUp = true
	require.True(t, w.wants("lifecycle/c"))
	require.False(t, w.wants("another/a"))
}
