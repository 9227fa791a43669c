package server_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dst/lockstep/node"
)

// notOnTheDashboard lists our metrics that the dashboard leaves out, with the reason.
var notOnTheDashboard = map[string]string{
	"lockstep_clients_limited_total": "it is about clients, and an operator looks for it by name",

	"lockstep_peer_messages_unheard_total": "nothing is done for them; whoever looks into an attack finds it by name",
	"lockstep_http_responses_total":        "the same",

	// What operations cost: for comparisons of builds, not for operators.
	"lockstep_log_written_bytes_total":  "cost",
	"lockstep_peer_writes_total":        "cost",
	"lockstep_peer_sent_bytes_total":    "cost",
	"lockstep_stream_calls_total":       "cost",
	"lockstep_stream_bytes_total":       "cost",
	"lockstep_operations_expired_total": "seen as timeouts in the failures",
}

// metricsIn matches the names of metrics in an expression: all words but functions, labels
// and the words of the language.
var metricsIn = regexp.MustCompile(`\b(lockstep|process|go)_[a-z_]+`)

// used returns the metrics of an expression, histograms without the suffix of a series.
func used(expression string, known []string) (names []string) {
	for _, name := range metricsIn.FindAllString(expression, -1) {
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if base := strings.TrimSuffix(name, suffix); slices.Contains(known, base) {
				name = base
			}
		}
		names = append(names, name)
	}
	return names
}

// metricNames lists the metrics of a node that has peers.
func metricNames(t *testing.T) []string {
	names := startCluster(t, 3).nodes[1].MetricNames()
	require.Contains(t, names, "lockstep_commit_seconds")
	return names
}

// checkExpression refuses an expression that names a metric that there is not, or whose
// brackets do not match.
func checkExpression(t *testing.T, expression string, known []string) (names []string) {
	t.Helper()
	names = used(expression, known)
	for _, name := range names {
		require.Contains(t, known, name, "%s: there is no such metric", expression)
	}
	for _, pair := range []string{"()", "{}", "[]"} {
		require.Equal(t, strings.Count(expression, pair[:1]), strings.Count(expression, pair[1:]), expression)
	}
	require.Zero(t, strings.Count(expression, `"`)%2, expression)
	return names
}

// The dashboard shows every metric of ours, and no other that there is not.
func TestDashboardHasTheMetrics(t *testing.T) {
	known := metricNames(t)
	text, err := os.ReadFile("../../docs/operation/grafana-dashboard.json")
	require.NoError(t, err)
	var board struct {
		Panels []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct {
				Expr         string
				LegendFormat string
			}
		}
	}
	require.NoError(t, json.Unmarshal(text, &board))
	shown, ids := map[string]bool{}, map[int]bool{}
	for _, p := range board.Panels {
		require.False(t, ids[p.ID], "panel %d is there twice", p.ID)
		ids[p.ID] = true
		require.NotEmpty(t, p.Title)
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		require.Equal(t, p.Type == "row", len(p.Targets) == 0, p.Title)
		for _, target := range p.Targets {
			require.NotEmpty(t, target.LegendFormat, p.Title)
			names := checkExpression(t, target.Expr, known)
			require.NotEmpty(t, names, target.Expr)
			for _, name := range names {
				shown[name] = true
			}
		}
	}
	for _, name := range known {
		if strings.HasPrefix(name, "lockstep_") && notOnTheDashboard[name] == "" {
			require.True(t, shown[name], "%s: show it in docs/operation/grafana-dashboard.json, or give the reason in notOnTheDashboard", name)
		}
	}
	for name := range notOnTheDashboard {
		require.Contains(t, known, name)
		require.False(t, shown[name], name)
	}
}

// Alerts are about metrics that there are, each with what people need to know.
func TestAlertsHaveTheMetrics(t *testing.T) {
	known := metricNames(t)
	text, err := os.ReadFile("../../docs/operation/prometheus-rules.yaml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	in := yaml.NewDecoder(strings.NewReader(string(text)))
	in.KnownFields(true)
	require.NoError(t, in.Decode(&file))
	page, err := os.ReadFile("../../docs/OPERATIONS.md")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			require.False(t, seen[r.Alert], r.Alert)
			seen[r.Alert] = true
			names := checkExpression(t, r.Expr, known)
			require.True(t, len(names) > 0 || strings.HasPrefix(r.Expr, "up{"), r.Expr)
			require.Contains(t, []string{"critical", "warning", "info"}, r.Labels["severity"], r.Alert)
			require.NotEmpty(t, r.Annotations["summary"], r.Alert)
			require.NotEmpty(t, r.Annotations["description"], r.Alert)
			if r.For != "" {
				require.Regexp(t, `^[0-9]+[smh]$`, r.For)
			}
			require.Contains(t, string(page), "`"+r.Alert+"`", "docs/OPERATIONS.md says what to do about each alert")
		}
	}
	require.Greater(t, len(seen), 5)
}

// noMajority is the expression of the alert LockstepNoMajority, which the test below computes.
const noMajority = `sum by (job, set) (lockstep_votes * on (job, instance) group_left () lockstep_ready) < on (job, set) floor(max by (job, set) (lockstep_voters) / 2) + 1`

// hasNoMajority is the value of the expression for the metrics of the nodes of a cluster that
// answer scrapes.
func hasNoMajority(scrapes []map[string]float64) bool {
	for _, set := range []string{`{set="present"}`, `{set="next"}`} {
		ready, voters := 0.0, 0.0
		for _, m := range scrapes {
			ready += m["lockstep_votes"+set] * m["lockstep_ready"]
			voters = max(voters, m["lockstep_voters"+set])
		}
		if voters > 0 && ready < math.Floor(voters/2)+1 {
			return true
		}
	}
	return false
}

// The alert is about the voters: a learner neither takes part in a majority nor makes one
// larger. While the voters change, the next ones need a majority as well.
func TestNoMajorityIsOfVoters(t *testing.T) {
	text, err := os.ReadFile("../../docs/operation/prometheus-rules.yaml")
	require.NoError(t, err)
	require.Contains(t, string(text), "expr: "+noMajority+"\n")
	c := startCluster(t, 3, fast)
	c.startJoining(4, []node.ID{1})
	c.change(1, fmt.Sprintf(`{"change":"add","node":4,"address":%q,"learner":true}`, c.address(4)))
	c.awaitMembers("1 voter, 2 voter, 3 voter, 4 learner", 1, 2, 3, 4)
	c.awaitAll()
	scrape := func(ids ...node.ID) (all []map[string]float64) {
		for _, id := range ids {
			all = append(all, c.metrics(id))
		}
		return all
	}
	require.EqualValues(t, 4, c.metrics(1)["lockstep_nodes"])
	require.EqualValues(t, 3, c.metrics(4)[`lockstep_voters{set="present"}`])
	require.NotContains(t, c.metrics(1), `lockstep_voters{set="next"}`)
	require.False(t, hasNoMajority(scrape(1, 2, 3, 4)))
	require.False(t, hasNoMajority(scrape(1, 2)), "two of three voters, and the learner is down")
	require.True(t, hasNoMajority(scrape(1, 4)), "one voter, and the learner")
	require.True(t, hasNoMajority([]map[string]float64{
		{"lockstep_ready": 1, `lockstep_voters{set="present"}`: 1, `lockstep_votes{set="present"}`: 1, `lockstep_voters{set="next"}`: 2, `lockstep_votes{set="next"}`: 1},
	}), "of the next two voters one is down")
}

// The check of expressions finds mistakes.
func TestUsedMetrics(t *testing.T) {
	known := []string{"lockstep_commit_seconds", "lockstep_ready"}
	require.Equal(t, []string{"lockstep_commit_seconds", "lockstep_ready", "lockstep_nothing"},
		used(`sum by (instance) (rate(lockstep_commit_seconds_bucket{job="x"}[5m])) > lockstep_ready + lockstep_nothing`, known))
}
