package board

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A page that does not read is dropped, and holds up no other.
func TestASlowPageIsDropped(t *testing.T) {
	var h hub
	slow, ok := h.subscribe()
	require.True(t, ok)
	quick, ok := h.subscribe()
	require.True(t, ok)
	for range maxWaiting + 1 {
		h.publish([]byte("x"))
		require.Equal(t, "x", string(<-quick))
	}
	for range maxWaiting {
		require.Equal(t, "x", string(<-slow))
	}
	_, open := <-slow
	require.False(t, open)
	h.publish([]byte("y"))
	require.Equal(t, "y", string(<-quick))
	h.leave(slow) // it has gone already
}

// There is a bound on pages, and a place is free when one leaves.
func TestPagesAreBounded(t *testing.T) {
	var h hub
	var first chan []byte
	for i := range maxSubscribers {
		page, ok := h.subscribe()
		require.True(t, ok)
		if i == 0 {
			first = page
		}
	}
	_, ok := h.subscribe()
	require.False(t, ok)
	h.leave(first)
	_, ok = h.subscribe()
	require.True(t, ok)
}

// The end is told, and no subscriber comes after it.
func TestTheEndIsTold(t *testing.T) {
	var h hub
	page, _ := h.subscribe()
	h.close([]byte("end"))
	require.Equal(t, "end", string(<-page))
	_, open := <-page
	require.False(t, open)
	_, ok := h.subscribe()
	require.False(t, ok)
	require.True(t, h.empty())
}
