package server

import (
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// connection is one whose end can be seen.
type connection struct {
	net.Conn
	closed bool
}

func (c *connection) Close() error {
	c.closed = true
	return nil
}

// The connection that has asked for nothing for longest makes room; one that is
// being served never does.
func TestGuestsMakeRoom(t *testing.T) {
	g := newGuests(3)
	c := []*connection{{}, {}, {}, {}, {}, {}}
	g.note(c[0], http.StateNew)
	g.note(c[1], http.StateNew)
	g.note(c[2], http.StateNew)
	g.note(c[0], http.StateActive)
	g.note(c[1], http.StateActive)
	g.note(c[1], http.StateIdle)
	g.note(c[3], http.StateNew)
	require.True(t, c[2].closed, "the others have asked since")
	g.note(c[2], http.StateClosed)
	g.note(c[3], http.StateActive)
	g.note(c[4], http.StateNew)
	require.True(t, c[1].closed)
	g.note(c[4], http.StateActive)
	g.note(c[5], http.StateNew)
	require.True(t, c[5].closed, "all others are being served")
	now, closed := g.count()
	require.Equal(t, 3, now)
	require.EqualValues(t, 3, closed)
	for _, i := range []int{0, 3, 4} {
		require.False(t, c[i].closed)
	}
}

// When the node stops, who asks for nothing has to go at once.
func TestGuestsAreSentAway(t *testing.T) {
	g := newGuests(3)
	c := []*connection{{}, {}, {}}
	for i := range c {
		g.note(c[i], http.StateNew)
	}
	g.note(c[1], http.StateActive)
	g.sendAway()
	require.Equal(t, []bool{true, false, true}, []bool{c[0].closed, c[1].closed, c[2].closed})
}
