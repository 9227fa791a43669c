package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet/bisect"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/fleettest"
	"github.com/stretchr/testify/require"
)

// A regression is found, repeated, made small and traced back to its commit by the fleet
// alone: programs are built from commits and sent to a worker that has none, and a server
// that knows the repository does the rest.
func TestARegressionIsTracedBackToItsCommit(t *testing.T) {
	f := newFleet(t)
	repo := fleettest.NewRepository(t)
	server := f.start("serve", "--dir", "state", "--listen", f.address, "--repo", repo.Dir, "--package", ".")
	server.until("the queue is at")
	f.start("work", "--nats", f.url, "--accept-programs", "--programs", "programs")
	begin := time.Now()
	for name, commit := range map[string]string{"first": repo.Commits[0], "last": "main"} {
		text := f.run(0, "submit", name, "--nats", f.url, "--repo", repo.Dir, "--package", ".", "--commit", commit, "--good", repo.Commits[0], "--seeds", "20", "--range", "10")
		require.Contains(t, text, "workers with --accept-programs get the program from the queue")
	}
	f.run(0, "status", "first", "--nats", f.url, "--wait")
	require.Contains(t, f.run(1, "status", "last", "--nats", f.url, "--wait"), " of commit "+bisect.Short(repo.Commits[fleettest.Commits-1]))

	server.until("msg=\"a failure was traced back\"")
	kept, err := filepath.Glob(filepath.Join(f.dir, "failures", "failure-kv-*", "bisect.json"))
	require.NoError(t, err)
	require.NotEmpty(t, kept)
	t.Logf("from the order of both campaigns to the commit: %.1f s", time.Since(begin).Seconds())
	var r bisect.Result
	data, err := os.ReadFile(kept[0])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &r))
	require.Equal(t, repo.Commits[fleettest.Regression], r.First)

	// The same by hand, between closer commits.
	plan := filepath.Join(filepath.Dir(kept[0]), "shrunk.json")
	text := f.run(0, "bisect", "--repo", repo.Dir, "--package", ".", "--good", repo.Commits[fleettest.DoesNot-1], "--bad", r.First, "--plan", plan)
	require.Contains(t, text, r.Signature+" came with commit "+r.First+": Change 5\n")
	require.Contains(t, text, "or with "+repo.Commits[fleettest.DoesNot]+", right before, which was skipped\n")
}
