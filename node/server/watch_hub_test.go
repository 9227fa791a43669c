package server

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A watcher without room is cut off and finds its channel closed; the others miss
// nothing.
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

// Until all pages are sent, a watcher receives changes only of machines in the pages
// so far. A later page has the state of the other machines as it is then.
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
