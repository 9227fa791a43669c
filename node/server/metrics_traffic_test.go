package server_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/op"
)

// The metrics tell what operations cost: bytes of the log and of connections, and the
// calls that moved them.
func TestTrafficIsCounted(t *testing.T) {
	c := startCluster(t, 3)
	s := c.openStream(1)
	p, text := s.request(propose("lifecycle/web", "Running", "0:first"))
	require.Equal(t, op.Committed, p.Outcome, text)
	before := c.metrics(1)
	const more = 20
	for n := range more {
		p, text := s.request(propose("lifecycle/web", []string{"Stopped", "Init", "Running"}[n%3], ""))
		require.Equal(t, op.Committed, p.Outcome, text)
	}
	after := c.metrics(1)
	grown := func(name string) float64 {
		require.Contains(t, before, name)
		return after[name] - before[name]
	}
	require.GreaterOrEqual(t, grown("lockstep_log_written_bytes_total"), 100.0*more)
	require.GreaterOrEqual(t, grown(`lockstep_stream_calls_total{call="read"}`), 1.0*more)
	require.GreaterOrEqual(t, grown(`lockstep_stream_calls_total{call="write"}`), 1.0*more)
	require.GreaterOrEqual(t, grown(`lockstep_stream_bytes_total{direction="received"}`), 30.0*more)
	require.GreaterOrEqual(t, grown(`lockstep_stream_bytes_total{direction="sent"}`), 20.0*more)
	for _, peer := range []string{"2", "3"} {
		writes := grown(`lockstep_peer_writes_total{peer="` + peer + `"}`)
		require.GreaterOrEqual(t, writes, 1.0*more, "a round of one client needs an accept at least")
		require.LessOrEqual(t, writes, 4.0*more)
		require.GreaterOrEqual(t, grown(`lockstep_peer_sent_bytes_total{peer="`+peer+`"}`), 100.0*more)
	}
	require.Zero(t, grown("lockstep_operations_expired_total"))
}
