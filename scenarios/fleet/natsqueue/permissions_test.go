package natsqueue_test

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// With the permissions of testdata/users.conf, which docs/FLEET.md shows, a worker can do
// its work, and cannot order any.
func TestAWorkerHasThePermissionsThatItNeeds(t *testing.T) {
	o, err := natsqueue.ServerOptions(t.TempDir(), "127.0.0.1:0", "testdata/users.conf")
	require.NoError(t, err)
	s, err := natsqueue.Start(o, nil)
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	as := func(user string) *nats.Conn {
		nc, err := natsqueue.Connect(natsqueue.Login{URL: strings.Replace(s.ClientURL(), "nats://", "nats://"+user+":secret@", 1)})
		require.NoError(t, err)
		t.Cleanup(nc.Close)
		return nc
	}
	_, err = natsqueue.Connect(natsqueue.Login{URL: s.ClientURL()})
	require.ErrorIs(t, err, nats.ErrAuthorization)
	own, err := s.Connect(natsqueue.Login{Name: "serve"}) // without a password
	require.NoError(t, err)
	t.Cleanup(own.Close)
	require.NoError(t, natsqueue.Setup(t.Context(), own, 1))
	operator, err := natsqueue.Open(t.Context(), as("operator"))
	require.NoError(t, err)
	c := added(t, operator)
	require.NoError(t, operator.PutProgram(t.Context(), "hash", strings.NewReader("program")))
	require.NoError(t, operator.AddJobs(t.Context(), jobs(c, 2)))

	nc := as("worker")
	q, err := natsqueue.Open(t.Context(), nc)
	require.NoError(t, err)
	all, err := q.Campaigns(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	l := take(t, q, c)
	require.NoError(t, l.Extend(t.Context()))
	_, err = q.Result(t.Context(), c.Name, fleet.RangeKind, "0")
	require.ErrorIs(t, err, fleet.ErrNoResult)
	require.NoError(t, q.AddJobs(t.Context(), []fleet.Job{{Campaign: c.Name, Kind: fleet.TriageKind, Signature: "a/b", Seed: 7}}))
	for range 2 {
		_, err = q.Put(t.Context(), c.Name, fleet.RangeKind, "0", []byte("done"))
		require.NoError(t, err)
	}
	require.NoError(t, l.Done(t.Context()))
	require.NoError(t, take(t, q, c).Return(t.Context(), 0))
	require.NoError(t, q.Beat(t.Context(), &fleet.WorkerStatus{Name: "w"}))
	workers, err := q.Workers(t.Context())
	require.NoError(t, err)
	require.Len(t, workers, 1)
	program, err := q.Program(t.Context(), "hash")
	require.NoError(t, err)
	text, err := io.ReadAll(program)
	require.NoError(t, err)
	require.Equal(t, "program", string(text))

	// And no more. A list of results is refused, and in words.
	err = q.Results(t.Context(), c.Name, fleet.RangeKind, func(string, []byte) {})
	require.ErrorContains(t, err, "may this user read the results?")
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.Error(t, js.DeleteStream(ctx, "LOCKSTEP_JOBS"))
	kv, err := js.KeyValue(t.Context(), "lockstep-campaigns")
	require.NoError(t, err)
	_, err = kv.Put(ctx, c.Name, []byte("{}"))
	require.Error(t, err)
	require.Error(t, q.PutProgram(ctx, "other", strings.NewReader("program")))
	_, err = js.Publish(ctx, "lockstep.jobs."+c.Name+".range.9", []byte("{}"))
	require.Error(t, err)
	require.Equal(t, 1, left(t, operator, c).Waiting+left(t, operator, c).Leased)
}

func TestThePageShowsThePermissions(t *testing.T) {
	conf, err := os.ReadFile("testdata/users.conf")
	require.NoError(t, err)
	page, err := os.ReadFile("../../../docs/FLEET.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "    "+strings.ReplaceAll(strings.TrimSpace(string(conf)), "\n", "\n    "))
}
