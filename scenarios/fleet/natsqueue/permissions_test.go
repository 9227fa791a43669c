package natsqueue_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// With testdata/users.conf, which docs/FLEET.md shows, a worker can do its work, and cannot
// order any.
func TestAWorkerHasThePermissionsThatItNeeds(t *testing.T) {
	s, own := startWithUsers(t)
	_, err := natsqueue.Connect(natsqueue.Login{URL: s.ClientURL()})
	require.ErrorIs(t, err, nats.ErrAuthorization)
	require.NoError(t, natsqueue.Setup(t.Context(), own, 1))
	operator, err := natsqueue.Open(t.Context(), as(t, s, "operator"))
	require.NoError(t, err)
	c := added(t, operator)
	long := strings.Repeat("program", 100_000) // in several messages
	require.NoError(t, operator.PutProgram(t.Context(), "hash", strings.NewReader(long)))
	require.NoError(t, operator.AddJobs(t.Context(), c, jobs(c, 2)))

	nc := as(t, s, "worker")
	q, err := natsqueue.Open(t.Context(), nc)
	require.NoError(t, err)
	all, err := q.Campaigns(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	l := take(t, q, c)
	require.NoError(t, l.Extend(t.Context()))
	_, err = q.Result(t.Context(), c, fleet.RangeKind, "0")
	require.ErrorIs(t, err, fleet.ErrNoResult)
	require.NoError(t, q.AddJobs(t.Context(), c, []fleet.Job{{Campaign: c.Name, Kind: fleet.TriageKind, Signature: "a/b", Seed: 7}}))
	for range 2 {
		_, err = q.Put(t.Context(), c, fleet.RangeKind, "0", []byte("done"))
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
	require.NoError(t, errors.Join(err, program.Close()))
	require.Equal(t, long, string(text))

	// And no more. A list of results is refused, and in words.
	err = q.Results(t.Context(), c, fleet.RangeKind, func(string, []byte) {})
	require.ErrorContains(t, err, "may this user read the results?")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.Error(t, q.AddCampaign(ctx, &fleet.Campaign{Name: "other", Lease: expiry}))
	require.Error(t, q.Remove(ctx, c.Name))
	require.Error(t, q.PutProgram(ctx, "other", strings.NewReader("program")))
	require.Error(t, q.AddJobs(ctx, c, jobs(c, 3)[2:]))
	for _, prefix := range prefixes {
		js, err := jetstream.NewWithAPIPrefix(nc, prefix)
		require.NoError(t, err)
		require.Error(t, js.DeleteStream(ctx, "LOCKSTEP_JOBS"))
	}
	require.Equal(t, 1, left(t, operator, c).Waiting+left(t, operator, c).Leased)
}

// prefixes are the ways of an account to the requests of JetStream.
var prefixes = []string{"$JS.API", "fleet"}

// as connects as a user of testdata/users.conf.
func as(t *testing.T, s *natsqueue.Server, user string) *nats.Conn {
	nc, err := natsqueue.Connect(natsqueue.Login{URL: strings.Replace(s.ClientURL(), "nats://", "nats://"+user+":secret@", 1)})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// startWithUsers starts a server with testdata/users.conf, and connects as this process.
func startWithUsers(t *testing.T) (*natsqueue.Server, *nats.Conn) {
	o, err := natsqueue.ServerOptions(t.TempDir(), "127.0.0.1:0", "testdata/users.conf")
	require.NoError(t, err)
	s, err := natsqueue.Start(o, nil)
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	own, err := s.Connect(natsqueue.Login{Name: "serve"}) // without a password
	require.NoError(t, err)
	t.Cleanup(own.Close)
	return s, own
}

// A server answers a request at the subject that it names. A worker that has bytes of its own
// sent to the subject of a campaign, a program or a range has ordered none.
func TestAWorkerOrdersNothingThroughTheServer(t *testing.T) {
	s, own := startWithUsers(t)
	require.NoError(t, natsqueue.Setup(t.Context(), own, 1))
	q, err := natsqueue.Open(t.Context(), own)
	require.NoError(t, err)
	c := added(t, q)
	before := lastMessages(t, own)
	nc := as(t, s, "worker")
	const key = "$KV.lockstep-results.mine.0.range.0"
	order := []byte(`{"name":"nightly","build":"0123456789abcdef"}`)
	for _, subject := range []string{key, "fleet." + key, "lockstep.jobs." + c.Key() + ".triage.mine"} {
		require.NoError(t, nc.Publish(subject, order))
	}
	for _, target := range []string{"$KV.lockstep-campaigns.nightly", "$O.lockstep-programs.C.mine", "$O.lockstep-programs.M.mine", "lockstep.jobs." + c.Key() + ".range.0"} {
		for _, prefix := range prefixes {
			require.NoError(t, nc.PublishRequest(prefix+".DIRECT.GET.KV_lockstep-results."+key, target, nil))
			require.NoError(t, nc.PublishRequest(prefix+".DIRECT.GET.KV_lockstep-results", target, []byte(`{"last_by_subj":"`+key+`"}`)))
			require.NoError(t, nc.PublishRequest(prefix+".CONSUMER.MSG.NEXT.LOCKSTEP_JOBS."+strings.Replace(c.Key(), ".", "_", 1)+"_triage", target, []byte(`{"batch":1,"no_wait":true}`)))
			require.NoError(t, nc.PublishRequest(prefix+".STREAM.INFO.KV_lockstep-results", target, nil))
			for _, stream := range []string{"KV_lockstep-campaigns", "KV_lockstep-workers", "OBJ_lockstep-programs"} {
				require.NoError(t, nc.PublishRequest(prefix+".CONSUMER.CREATE."+stream+".mine", "_INBOX.mine", []byte(`{"stream_name":"`+stream+`","config":{"name":"mine","ack_policy":"none","deliver_subject":"`+target+`"}}`)))
			}
		}
	}
	require.NoError(t, nc.Flush())
	require.NoError(t, own.Flush())
	time.Sleep(200 * time.Millisecond) // the server answers in its own time
	require.Equal(t, before, lastMessages(t, own))
	_, err = q.Take(t.Context(), c, fleet.RangeKind)
	require.ErrorIs(t, err, fleet.ErrNoJob)
	got, err := q.Result(t.Context(), &fleet.Campaign{Name: "mine"}, fleet.RangeKind, "0")
	require.NoError(t, err)
	require.Equal(t, order, got)
}

// lastMessages returns the numbers of the last messages that only operators write, and of
// the consumers there.
func lastMessages(t *testing.T, nc *nats.Conn) map[string]uint64 {
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	all := map[string]uint64{}
	for _, name := range []string{"KV_lockstep-campaigns", "OBJ_lockstep-programs"} {
		stream, err := js.Stream(t.Context(), name)
		require.NoError(t, err)
		all[name], all[name+" consumers"] = stream.CachedInfo().State.LastSeq, uint64(stream.CachedInfo().State.Consumers)
	}
	return all
}

// A configuration that cannot bound its workers is refused.
func TestConfigurationsOfUsers(t *testing.T) {
	for text, want := range map[string]string{
		"authorization { user: a, password: b }":                                                                                                                       "one user or token for all: want accounts with users",
		`authorization { users = [ { user: w, password: b, permissions: { publish: ["$JS.API.>"] } } ] }`:                                                              "user w has permissions in the account of the streams",
		`accounts { FLEET { users = [ { user: w, password: b, permissions: { publish: ["$JS.API.>"] } } ] } }`:                                                         "user w has permissions in the account of the streams",
		"accounts { A { jetstream: enabled, users = [ { user: w, password: b } ] } }":                                                                                  "none has the name FLEET",
		"accounts { FLEET { users = [ { user: w, password: b } ] } }":                                                                                                  "want jetstream: enabled in account FLEET",
		`accounts { FLEET { jetstream: enabled, users = [ { user: w, password: b } ] }, A { users = [ { user: v, password: b, permissions: { publish: ["x"] } } ] } }`: "",
	} {
		config := filepath.Join(t.TempDir(), "nats.conf")
		require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
		o, err := natsqueue.ServerOptions(t.TempDir(), "127.0.0.1:0", config)
		require.NoError(t, err)
		s, err := natsqueue.Start(o, nil)
		if want == "" {
			require.NoError(t, err, text)
			s.Stop()
			continue
		}
		require.ErrorContains(t, err, want, text)
	}
}

func TestThePageShowsThePermissions(t *testing.T) {
	conf, err := os.ReadFile("testdata/users.conf")
	require.NoError(t, err)
	page, err := os.ReadFile("../../../docs/FLEET.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "    "+strings.ReplaceAll(strings.TrimSpace(string(conf)), "\n", "\n    "))
}
