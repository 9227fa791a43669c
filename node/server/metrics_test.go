package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
)

// All documented metrics exist from the start, and change with the events that they
// count.
func TestMetrics(t *testing.T) {
	c := startCluster(t, 3)
	before := c.metrics(1)
	for _, name := range []string{
		"lockstep_nodes", "lockstep_peers_up", "lockstep_ready", "lockstep_formed", "lockstep_abstaining", "lockstep_boot", "lockstep_machines",
		"lockstep_retries_total", "lockstep_proposals_total", "lockstep_commits_total", "lockstep_aborts_total",
		`lockstep_reads_total{path="exchange"}`, `lockstep_reads_total{path="round"}`,
		`lockstep_rounds_total{path="fast"}`, `lockstep_rounds_total{path="prepare"}`,
		`lockstep_rejects_total{reason="illegal"}`, `lockstep_rejects_total{reason="stale-ballot"}`,
		`lockstep_malformed_total{what="message"}`, `lockstep_malformed_total{what="port"}`,
		`lockstep_repair_total{what="compared"}`, `lockstep_repair_total{what="pulled"}`, `lockstep_repair_total{what="confirmed"}`,
		`lockstep_repair_total{what="no-op-round"}`, `lockstep_repair_total{what="skipped"}`,
		`lockstep_peer_failures_total{peer="2"}`,
		`lockstep_peer_messages_total{fate="sent",peer="2",type="proposal"}`,
		`lockstep_peer_messages_total{fate="dropped",peer="3",type="commit"}`,
		`lockstep_peer_messages_total{fate="received",peer="3",type="acknowledgment"}`,
		`lockstep_peer_messages_total{fate="received",peer="2",type="introduction"}`,
		"lockstep_watchers", "lockstep_watchers_refused_total", "lockstep_watchers_slow_total", "lockstep_watch_changes_total",
		"lockstep_operations_waiting", "lockstep_operations_refused_total", "lockstep_events_waiting",
		"lockstep_http_connections", "lockstep_http_connections_closed_total", `lockstep_peer_messages_waiting{peer="2"}`,
		"lockstep_log_writes_total", "lockstep_log_copied_total", "lockstep_log_sync_seconds_count", "lockstep_log_sync_seconds_sum",
		`lockstep_log_sync_seconds_bucket{le="+Inf"}`, "go_goroutines", "process_resident_memory_bytes",
	} {
		require.Contains(t, before, name)
	}
	require.NotContains(t, before, `lockstep_peer_failures_total{peer="1"}`, "a node is no peer of its own")
	require.EqualValues(t, 3, before["lockstep_nodes"])
	require.EqualValues(t, 2, before["lockstep_peers_up"])
	require.EqualValues(t, 1, before["lockstep_ready"])
	require.EqualValues(t, 1, before["lockstep_formed"])
	require.Zero(t, before["lockstep_abstaining"])
	require.Positive(t, before[`lockstep_peer_messages_total{fate="received",peer="2",type="introduction"}`])
	require.Zero(t, before[`lockstep_peer_messages_total{fate="received",peer="2",type="unknown"}`])
	require.EqualValues(t, 1, before["lockstep_boot"])
	require.Zero(t, before["lockstep_machines"])
	require.Positive(t, before["lockstep_http_connections"], "the one that asks")

	require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status)
	require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/web", `{"to":"Stopped"}`).Status)
	require.Equal(t, http.StatusConflict, c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status)
	require.Equal(t, http.StatusOK, c.get(1, "lifecycle/web").Status)
	after := c.metrics(1)
	for name, more := range map[string]float64{
		"lockstep_machines": 1, "lockstep_proposals_total": 3, `lockstep_rejects_total{reason="illegal"}`: 1,
		"lockstep_peers_up": 0, "lockstep_aborts_total": 0, "lockstep_log_copied_total": 0, `lockstep_malformed_total{what="port"}`: 0,
	} {
		require.EqualValues(t, more, after[name]-before[name], name)
	}
	for _, name := range []string{
		"lockstep_commits_total", `lockstep_rounds_total{path="fast"}`, `lockstep_rounds_total{path="prepare"}`,
		`lockstep_peer_messages_total{fate="queued",peer="2",type="proposal"}`,
		`lockstep_peer_messages_total{fate="sent",peer="3",type="commit"}`,
		"lockstep_log_writes_total", "lockstep_log_sync_seconds_count", "lockstep_log_sync_seconds_sum",
	} {
		eventually(t, name+" grows: the others may have been faster", func() bool { return c.metrics(1)[name] > before[name] })
	}
	reads := func(m map[string]float64) float64 {
		return m[`lockstep_reads_total{path="exchange"}`] + m[`lockstep_reads_total{path="round"}`]
	}
	require.EqualValues(t, 1, reads(after)-reads(before))
	eventually(t, "a majority's acknowledgments are counted", func() bool {
		now := c.metrics(1)
		return now[`lockstep_peer_messages_total{fate="received",peer="2",type="acknowledgment"}`]+
			now[`lockstep_peer_messages_total{fate="received",peer="3",type="acknowledgment"}`] >= 3
	})
}

// A message that is sent again for want of a response counts as a retry.
func TestRetriesAreCounted(t *testing.T) {
	c := startThenStopOthers(t, 3, []node.ID{1})
	require.Equal(t, http.StatusGatewayTimeout, c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status)
	m := c.metrics(1)
	require.Positive(t, m["lockstep_retries_total"])
	require.Positive(t, m["lockstep_aborts_total"]+m[`lockstep_rejects_total{reason="timeout"}`])
	require.Zero(t, m["lockstep_peers_up"])
	require.Zero(t, m["lockstep_ready"])
	require.Positive(t, m[`lockstep_peer_failures_total{peer="2"}`])
}

// The durations of operations, rounds and steps are counted, each operation once.
func TestDurationsAreCounted(t *testing.T) {
	c := startCluster(t, 3)
	require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status)
	before := c.metrics(1)
	for i := range 10 {
		c.propose(1, "lifecycle/web", []string{`{"to":"Stopped"}`, `{"to":"Init"}`, `{"to":"Running"}`}[i%3])
	}
	require.Equal(t, http.StatusUnprocessableEntity, c.propose(1, "lifecycle/web", `{"to":"Flying"}`).Status)
	c.tryRequest(1, "GET", "/v1/machines/lifecycle/web", "")
	after := c.metrics(1)
	grown := func(name string) float64 { return after["lockstep_"+name] - before["lockstep_"+name] }
	require.EqualValues(t, 1, grown("read_seconds_count"))
	require.Equal(t, grown("commits_total"), grown("round_seconds_count"))
	require.EqualValues(t, 10, grown("commit_seconds_count"))
	for _, name := range []string{"commit", "read", "round", "step", "queue"} {
		require.Positive(t, grown(name+"_seconds_sum"), name)
		require.Positive(t, grown(name+"_seconds_count"), name)
		require.Equal(t, after["lockstep_"+name+"_seconds_count"], after["lockstep_"+name+`_seconds_bucket{le="+Inf"}`], name)
	}
	require.Less(t, after["lockstep_commit_seconds_sum"], 60.0)
}
