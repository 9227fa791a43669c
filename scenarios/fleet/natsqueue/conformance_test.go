package natsqueue_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// expiry is that of the leases in these tests.
const expiry = 500 * time.Millisecond

// Both queues do the same.
func TestQueues(t *testing.T) {
	queues := map[string]func(t *testing.T) fleet.Queue{
		"memory": func(*testing.T) fleet.Queue { return fleet.NewMemory() },
		"nats":   func(t *testing.T) fleet.Queue { return open(t, start(t, t.TempDir())) },
	}
	for name, made := range queues {
		t.Run(name, func(t *testing.T) {
			q := made(t)
			for _, c := range conformance {
				t.Run(c.name, func(t *testing.T) { c.test(t, q, added(t, q)) })
			}
		})
	}
}

var conformance = []struct {
	name string
	test func(t *testing.T, q fleet.Queue, c *fleet.Campaign)
}{
	{"a campaign is added once, and another one of its name is refused", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		again := *c
		again.Submitted = time.Now()
		require.NoError(t, q.AddCampaign(t.Context(), &again))
		again.Seeds++
		err := q.AddCampaign(t.Context(), &again)
		require.ErrorIs(t, err, fleet.ErrConflict)
		require.ErrorContains(t, err, "its seeds is 100, and not 101: give another name, or remove that one first")
		all, err := q.Campaigns(t.Context())
		require.NoError(t, err)
		require.Contains(t, all, c)
	}},
	{"each job is leased to one worker, and is gone when it is done", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 3)))
		requireLeft(t, fleet.Left{Waiting: 3}, q, c)
		for i := range 3 {
			l := take(t, q, c)
			require.Equal(t, i, l.Job().Range)
			require.Equal(t, 1, l.Delivery())
			require.Equal(t, expiry, l.Expiry())
			requireLeft(t, fleet.Left{Waiting: 2 - i, Leased: 1}, q, c)
			require.NoError(t, l.Done(t.Context()))
		}
		_, err := q.Take(t.Context(), c, fleet.RangeKind)
		require.ErrorIs(t, err, fleet.ErrNoJob)
		requireLeft(t, fleet.Left{}, q, c)
	}},
	{"a job that waits or is leased is not added again, and one that is done is", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 2)))
		l := take(t, q, c)
		require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 2)))
		requireLeft(t, fleet.Left{Waiting: 1, Leased: 1}, q, c)
		require.NoError(t, l.Done(t.Context()))
		for range 1000 { // a server takes out what is done a moment after it said so
			require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 2)))
			if left(t, q, c).Waiting == 2 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		requireLeft(t, fleet.Left{Waiting: 2}, q, c)
	}},
	{"the job of a worker that dies goes to another one", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 1)))
		taken := time.Now()
		take(t, q, c)
		notYet(t, q, c, taken)
		require.Equal(t, 2, take(t, q, c).Delivery())
	}},
	{"a lease that is extended goes on", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		begin := time.Now()
		require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 1)))
		l := take(t, q, c)
		for extended := begin; time.Since(begin) < 2*expiry; extended = time.Now() {
			time.Sleep(expiry / 5)
			require.NoError(t, l.Extend(t.Context()))
			notYet(t, q, c, extended)
		}
	}},
	{"a job that is returned comes again, after its delay", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 1)))
		l := take(t, q, c)
		returned := time.Now()
		require.NoError(t, l.Return(t.Context(), expiry))
		notYet(t, q, c, returned)
		l = take(t, q, c)
		require.Equal(t, 2, l.Delivery())
		require.NoError(t, l.Return(t.Context(), 0))
		take(t, q, c)
	}},
	{"the first result of a job is kept", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		_, err := q.Result(t.Context(), c, fleet.RangeKind, "0")
		require.ErrorIs(t, err, fleet.ErrNoResult)
		for _, text := range []string{"one", "other"} {
			kept, err := q.Put(t.Context(), c, fleet.RangeKind, "0", []byte(text))
			require.NoError(t, err)
			require.Equal(t, "one", string(kept))
		}
		_, err = q.Put(t.Context(), c, fleet.RangeKind, "12", []byte("two"))
		require.NoError(t, err)
		_, err = q.Put(t.Context(), c, fleet.TriageKind, "12", []byte("of another kind"))
		require.NoError(t, err)
		all := map[string]string{}
		require.NoError(t, q.Results(t.Context(), c, fleet.RangeKind, func(key string, data []byte) { all[key] = string(data) }))
		require.Equal(t, map[string]string{"0": "one", "12": "two"}, all)
		got, err := q.Result(t.Context(), c, fleet.RangeKind, "0")
		require.NoError(t, err)
		require.Equal(t, "one", string(got))
	}},
	{"jobs of one kind and one campaign are apart from others", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		o := added(t, q)
		require.NoError(t, q.AddJobs(t.Context(), c, []fleet.Job{{Campaign: c.Name, Kind: fleet.TriageKind, Signature: "a/b c*>", Seed: 7}}))
		require.NoError(t, q.AddJobs(t.Context(), o, jobs(o, 1)))
		_, err := q.Take(t.Context(), c, fleet.RangeKind)
		require.ErrorIs(t, err, fleet.ErrNoJob)
		require.Equal(t, "a/b c*>", takeOf(t, q, c, fleet.TriageKind).Job().Signature)
		requireLeft(t, fleet.Left{}, q, c)
	}},
	{"a campaign that is removed leaves nothing, and its name is free", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 3)))
		l := take(t, q, c)
		_, err := q.Put(t.Context(), c, fleet.RangeKind, "0", []byte("one"))
		require.NoError(t, err)
		require.NoError(t, q.Remove(t.Context(), c.Name))
		all, err := q.Campaigns(t.Context())
		require.NoError(t, err)
		require.NotContains(t, all, c)
		_, err = q.Take(t.Context(), c, fleet.RangeKind)
		require.ErrorIs(t, err, fleet.ErrNoJob)
		_ = l.Return(t.Context(), 0) // it is of no queue

		other := *c
		other.Seeds--
		require.NoError(t, q.AddCampaign(t.Context(), &other))
		requireLeft(t, fleet.Left{}, q, c)
		_, err = q.Result(t.Context(), c, fleet.RangeKind, "0")
		require.ErrorIs(t, err, fleet.ErrNoResult)
	}},
	{"a later campaign of a name has nothing of the one before", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 3)))
		late := take(t, q, c)
		lateJob := late.Job()
		require.NoError(t, q.Remove(t.Context(), c.Name))
		later := *c
		later.ID, later.Seeds = "", 50
		require.NoError(t, q.AddCampaign(t.Context(), &later))
		require.NotEqual(t, c.Key(), later.Key())
		require.NoError(t, q.AddJobs(t.Context(), &later, jobs(&later, 5)))

		// A worker that knows the first one yet takes no job of the second, and puts no result there.
		_, err := q.Take(t.Context(), c, fleet.RangeKind)
		require.ErrorIs(t, err, fleet.ErrNoJob)
		_, err = q.Put(t.Context(), c, fleet.RangeKind, lateJob.Key(), []byte("late"))
		require.NoError(t, err)
		_ = late.Done(t.Context()) // it is of no queue
		requireLeft(t, fleet.Left{Waiting: 5}, q, &later)
		_, err = q.Result(t.Context(), &later, fleet.RangeKind, "0")
		require.ErrorIs(t, err, fleet.ErrNoResult)

		require.NoError(t, q.Remove(t.Context(), c.Name))
		_, err = q.Result(t.Context(), c, fleet.RangeKind, lateJob.Key())
		require.ErrorIs(t, err, fleet.ErrNoResult, "the last one of the name takes along what came late")
	}},
	{"the same campaign once more has the id of the first", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		again := *c
		again.ID = ""
		require.NoError(t, q.AddCampaign(t.Context(), &again))
		require.Equal(t, c.Key(), again.Key())
	}},
	{"the jobs with a result are listed", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		none, err := q.Done(t.Context(), c, fleet.RangeKind)
		require.NoError(t, err)
		require.Empty(t, none)
		for _, key := range []string{"3", "12"} {
			_, err := q.Put(t.Context(), c, fleet.RangeKind, key, []byte("done"))
			require.NoError(t, err)
		}
		keys, err := q.Done(t.Context(), c, fleet.RangeKind)
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"3", "12"}, keys)
	}},
	{"a program is kept once, until the last campaign that needs it is removed", func(t *testing.T, q fleet.Queue, c *fleet.Campaign) {
		text := strings.Repeat("program", 100_000) // in several messages
		hash := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
		_, err := q.Program(t.Context(), hash)
		require.ErrorIs(t, err, fleet.ErrNoProgram)
		a, b := *c, *c
		a.Name, b.Name = c.Name+"-a", c.Name+"-b"
		for _, o := range []*fleet.Campaign{&a, &b} {
			o.Build, o.Program = fleet.BuildOf(hash), hash
			require.NoError(t, q.AddCampaign(t.Context(), o))
			require.NoError(t, q.PutProgram(t.Context(), hash, strings.NewReader(text)))
		}
		for _, o := range []*fleet.Campaign{&a, &b} {
			program, err := q.Program(t.Context(), hash)
			require.NoError(t, err)
			got, err := io.ReadAll(program)
			require.NoError(t, errors.Join(err, program.Close()))
			require.Equal(t, text, string(got))
			require.NoError(t, q.Remove(t.Context(), o.Name))
		}
		_, err = q.Program(t.Context(), hash)
		require.ErrorIs(t, err, fleet.ErrNoProgram)
	}},
	{"workers tell of themselves", func(t *testing.T, q fleet.Queue, _ *fleet.Campaign) {
		for _, seeds := range []uint64{1, 2} {
			require.NoError(t, q.Beat(t.Context(), &fleet.WorkerStatus{Name: "host.example-7", Seeds: seeds}))
		}
		require.NoError(t, q.Beat(t.Context(), &fleet.WorkerStatus{Name: "a"}))
		all, err := q.Workers(t.Context())
		require.NoError(t, err)
		require.Equal(t, []*fleet.WorkerStatus{{Name: "a"}, {Name: "host.example-7", Seeds: 2}}, all)
	}},
}

// A server that ends and begins again has forgotten nothing.
func TestTheQueueOutlivesItsServer(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir)
	q := open(t, first)
	c := added(t, q)
	require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 3)))
	require.NoError(t, take(t, q, c).Done(t.Context()))
	take(t, q, c)
	_, err := q.Put(t.Context(), c, fleet.RangeKind, "0", []byte("done"))
	require.NoError(t, err)
	first.Stop()

	q = open(t, start(t, dir))
	all, err := q.Campaigns(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*fleet.Campaign{c}, all)
	requireLeft(t, fleet.Left{Waiting: 1, Leased: 1}, q, c)
	got, err := q.Result(t.Context(), c, fleet.RangeKind, "0")
	require.NoError(t, err)
	require.Equal(t, "done", string(got))
	_, err = q.Put(t.Context(), c, fleet.RangeKind, "0", []byte("once more"))
	require.NoError(t, err)
}

// Consumers that a server has lost are made anew, and their jobs are there; a campaign that was
// removed gets none.
func TestLostConsumersAreMadeAnew(t *testing.T) {
	s := start(t, t.TempDir())
	q := open(t, s)
	js, err := jetstream.New(connect(t, s))
	require.NoError(t, err)
	c := added(t, q)
	require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 2)))
	lose := func() {
		for _, kind := range fleet.Kinds() {
			require.NoError(t, js.DeleteConsumer(t.Context(), "LOCKSTEP_JOBS", strings.Replace(c.Key(), ".", "_", 1)+"_"+string(kind)))
		}
	}
	lose()
	requireLeft(t, fleet.Left{Waiting: 2}, q, c)
	take(t, q, c)
	lose()
	require.NoError(t, fleet.Submit(t.Context(), q, c))
	requireLeft(t, fleet.Left{Waiting: 10}, q, c)

	require.NoError(t, q.Remove(t.Context(), c.Name))
	_, err = q.Left(t.Context(), c, fleet.RangeKind)
	require.ErrorIs(t, err, fleet.ErrRemoved)
	require.ErrorContains(t, err, "campaign "+c.Name)
}

// Parts of a program are removed if its upload was broken off, and no others.
func TestPartsOfProgramsAreRemoved(t *testing.T) {
	s := start(t, t.TempDir())
	q := open(t, s)
	require.NoError(t, q.PutProgram(t.Context(), "whole", strings.NewReader("program")))
	js, err := jetstream.New(connect(t, s))
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "$O.lockstep-programs.C.broken", []byte("part"))
	require.NoError(t, err)
	parts := func() int {
		stream, err := js.Stream(t.Context(), "OBJ_lockstep-programs")
		require.NoError(t, err)
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("$O.lockstep-programs.C.*"))
		require.NoError(t, err)
		return len(info.State.Subjects)
	}
	require.NoError(t, q.DropParts(t.Context(), time.Hour))
	require.Equal(t, 2, parts(), "the upload may go on")
	require.NoError(t, q.DropParts(t.Context(), 0))
	require.Equal(t, 1, parts())
	program, err := q.Program(t.Context(), "whole")
	require.NoError(t, err)
	require.NoError(t, program.Close())
}

// A removal that ended midway is completed by the next one of the name.
func TestARemovalIsDoneAgain(t *testing.T) {
	s := start(t, t.TempDir())
	q := open(t, s)
	c := added(t, q)
	require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 2)))
	_, err := q.Put(t.Context(), c, fleet.RangeKind, "0", []byte("one"))
	require.NoError(t, err)
	js, err := jetstream.New(connect(t, s))
	require.NoError(t, err)
	kv, err := js.KeyValue(t.Context(), "lockstep-campaigns")
	require.NoError(t, err)
	require.NoError(t, kv.Purge(t.Context(), c.Name))
	require.NoError(t, q.Remove(t.Context(), c.Name))
	_, err = q.Result(t.Context(), c, fleet.RangeKind, "0")
	require.ErrorIs(t, err, fleet.ErrNoResult)
	stream, err := js.Stream(t.Context(), "LOCKSTEP_JOBS")
	require.NoError(t, err)
	require.Zero(t, stream.CachedInfo().State.Msgs)
	require.Zero(t, stream.CachedInfo().State.Consumers)
	for _, name := range []string{"", "*", ">", c.Name + ".x"} {
		require.ErrorIs(t, q.Remove(t.Context(), name), fleet.ErrCampaign)
	}
}

// A message that is no job does not stop the worker that gets it, and does not come again.
func TestAStrangersMessageIsTakenOut(t *testing.T) {
	s := start(t, t.TempDir())
	q := open(t, s)
	c := added(t, q)
	nc := connect(t, s)
	require.NoError(t, nc.Publish("lockstep.jobs."+c.Key()+".range.x", []byte(`{"campaign":"`+c.Name+`","kind":"range","range":-1}`)))
	require.NoError(t, nc.Flush())
	require.Eventually(t, func() bool {
		_, err := q.Take(t.Context(), c, fleet.RangeKind)
		return err != nil && err != fleet.ErrNoJob
	}, 5*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return left(t, q, c) == fleet.Left{} }, 5*time.Second, 10*time.Millisecond)
}

// A worker can neither delete nor overwrite results, nor fill the memory of the server with
// reports.
func TestAWorkerCannotUpsetOthers(t *testing.T) {
	s, own := startWithUsers(t)
	require.NoError(t, natsqueue.Setup(t.Context(), own, 1))
	q, err := natsqueue.Open(t.Context(), own)
	require.NoError(t, err)
	c := added(t, q)
	_, err = q.Put(t.Context(), c, fleet.RangeKind, "0", []byte("done"))
	require.NoError(t, err)
	nc := as(t, s, "worker")
	key := "fleet.$KV.lockstep-results." + c.Key() + ".range."
	for _, m := range []*nats.Msg{
		{Subject: key + "0", Data: []byte("false")},
		{Subject: key + "0", Header: nats.Header{"Nats-Rollup": {"sub"}}},
		{Subject: key + "0", Header: nats.Header{"KV-Operation": {"DEL"}}},
		{Subject: key + "1", Header: nats.Header{"Nats-Rollup": {"all"}}},
	} {
		require.NoError(t, nc.PublishMsg(m))
	}
	const reports = 5000
	for i := range reports {
		require.NoError(t, nc.Publish(fmt.Sprintf("fleet.$KV.lockstep-workers.w%d", i), fmt.Appendf(nil, `{"name":"w%d","now":"%3500d"}`, i, i)))
	}
	require.NoError(t, nc.Flush())
	w, err := natsqueue.Open(t.Context(), nc)
	require.NoError(t, err)
	require.NoError(t, w.Beat(t.Context(), &fleet.WorkerStatus{Name: "ada"})) // it is behind all others
	got, err := q.Result(t.Context(), c, fleet.RangeKind, "0")
	require.NoError(t, err)
	require.Equal(t, "done", string(got))
	all, err := q.Workers(t.Context())
	require.NoError(t, err)
	require.LessOrEqual(t, len(all), 2048)
	require.True(t, slices.ContainsFunc(all, func(w *fleet.WorkerStatus) bool { return w.Name == "ada" }))
}

// The streams of an earlier version are brought up to date, with all that they have.
func TestStreamsAreBroughtUpToDate(t *testing.T) {
	nc := connect(t, start(t, t.TempDir()))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "LOCKSTEP_JOBS", Subjects: []string{"lockstep.jobs.>"}, Retention: jetstream.WorkQueuePolicy, MaxMsgSize: 64 << 10,
		Discard: jetstream.DiscardNew, MaxMsgsPerSubject: 1, DiscardNewPerSubject: true,
	})
	require.NoError(t, err)
	for _, b := range []jetstream.KeyValueConfig{{Bucket: "lockstep-results", MaxValueSize: fleet.MaxResult}, {Bucket: "lockstep-workers", Storage: jetstream.MemoryStorage, TTL: time.Minute, MaxValueSize: 4 << 10}} {
		kv, err := js.CreateKeyValue(t.Context(), b)
		require.NoError(t, err)
		_, err = kv.Put(t.Context(), "c.0.range.0", []byte("done"))
		require.NoError(t, err)
	}
	require.NoError(t, natsqueue.Setup(t.Context(), nc, 1))
	q, err := natsqueue.Open(t.Context(), nc)
	require.NoError(t, err)
	got, err := q.Put(t.Context(), &fleet.Campaign{Name: "c"}, fleet.RangeKind, "0", []byte("other"))
	require.NoError(t, err)
	require.Equal(t, "done", string(got))
}

// A campaign that is refused changes no lease of the one that has its name.
func TestARefusedCampaignChangesNoLease(t *testing.T) {
	s := start(t, t.TempDir())
	q := open(t, s)
	c := added(t, q)
	other := *c
	other.Lease = time.Hour
	require.ErrorIs(t, q.AddCampaign(t.Context(), &other), fleet.ErrConflict)
	js, err := jetstream.New(connect(t, s))
	require.NoError(t, err)
	consumers := 0
	stream, err := js.Stream(t.Context(), "LOCKSTEP_JOBS")
	require.NoError(t, err)
	for info := range stream.ListConsumers(t.Context()).Info() {
		require.Equal(t, expiry, info.Config.AckWait)
		consumers++
	}
	require.Equal(t, len(fleet.Kinds()), consumers)
}

func TestAServerForOtherMachinesHasUsers(t *testing.T) {
	for text, refused := range map[string]bool{
		"":                                      true,
		"accounts { A { jetstream: enabled } }": true,
		"authorization { users = [ { user: a, password: b } ] }":                  false,
		"no_auth_user: a, authorization { users = [ { user: a, password: b } ] }": true,
	} {
		config := filepath.Join(t.TempDir(), "nats.conf")
		require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
		_, err := natsqueue.ServerOptions(t.TempDir(), "0.0.0.0:0", config)
		require.Equal(t, refused, err != nil, "%s: %v", text, err)
	}
	_, err := natsqueue.ServerOptions(t.TempDir(), "0.0.0.0:0", "")
	require.ErrorContains(t, err, `"0.0.0.0:0": not a loopback address: workers of other machines need passwords or certificates`)
	_, err = natsqueue.ServerOptions(t.TempDir(), "localhost:4222", "")
	require.ErrorIs(t, err, natsqueue.ErrListen)
}

// A server that cannot write any more says so.
func TestCheck(t *testing.T) {
	s := start(t, t.TempDir())
	open(t, s)
	require.NoError(t, s.Check())
	require.NoError(t, s.ShutdownJetStream())
	require.ErrorContains(t, s.Check(), "the store of the queue has failed")
	users, own := startWithUsers(t)
	require.NoError(t, users.Check())
	require.NoError(t, natsqueue.Setup(t.Context(), own, 1))
	require.NoError(t, users.Check())
}

func TestAddress(t *testing.T) {
	for url, want := range map[string]string{
		"nats://op:secret@10.0.0.1:4222":                    "nats://10.0.0.1:4222",
		"tls://token@a:1,nats://b:2, nats://me:secret@c:3/": "tls://a:1,nats://b:2,nats://c:3/",
		"localhost:4222":           "localhost:4222",
		"op:secret@localhost:4222": "localhost:4222",
		"nats://op:se/cret@a:1":    "a:1",
	} {
		require.Equal(t, want, natsqueue.Address(url))
	}
	_, err := natsqueue.Connect(natsqueue.Login{URL: "nats://op:se/cret@a:1"})
	require.ErrorContains(t, err, "no connection to the queue at a:1: want URLs as in nats://10.0.0.1:4222")
	require.NotContains(t, err.Error(), "cret")
}

func start(t *testing.T, dir string) *natsqueue.Server {
	o, err := natsqueue.ServerOptions(dir, "127.0.0.1:0", "")
	require.NoError(t, err)
	s, err := natsqueue.Start(o, nil)
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	return s
}

func connect(t *testing.T, s *natsqueue.Server) *nats.Conn {
	nc, err := natsqueue.Connect(natsqueue.Login{URL: s.ClientURL(), Name: "test"})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func open(t *testing.T, s *natsqueue.Server) *natsqueue.Queue {
	nc := connect(t, s)
	require.NoError(t, natsqueue.Setup(t.Context(), nc, 1))
	q, err := natsqueue.Open(t.Context(), nc)
	require.NoError(t, err)
	return q
}

var names int

// added adds a campaign of ten ranges of a new name.
func added(t *testing.T, q fleet.Queue) *fleet.Campaign {
	names++
	c := &fleet.Campaign{Name: fmt.Sprintf("c%d", names), Build: "0123456789abcdef", Seeds: 100, RangeSeeds: 10, CheckTimeout: time.Second, Weight: 1, Lease: expiry}
	require.NoError(t, c.Validate())
	require.NoError(t, q.AddCampaign(t.Context(), c))
	return c
}

func jobs(c *fleet.Campaign, n int) (list []fleet.Job) {
	for i := range n {
		list = append(list, fleet.Job{Campaign: c.Name, Kind: fleet.RangeKind, Range: i})
	}
	return list
}

// notYet checks that no job has come, unless the time of a lease has passed since.
func notYet(t *testing.T, q fleet.Queue, c *fleet.Campaign, since time.Time) {
	_, err := q.Take(t.Context(), c, fleet.RangeKind)
	if time.Since(since) > expiry*3/4 {
		t.Skip("this machine is too busy for leases of ", expiry)
	}
	require.ErrorIs(t, err, fleet.ErrNoJob)
}

// take takes a job, which may come a moment after it was added.
func take(t *testing.T, q fleet.Queue, c *fleet.Campaign) fleet.Lease {
	return takeOf(t, q, c, fleet.RangeKind)
}

func takeOf(t *testing.T, q fleet.Queue, c *fleet.Campaign, kind fleet.Kind) fleet.Lease {
	for range 1000 {
		l, err := q.Take(t.Context(), c, kind)
		if err == nil {
			return l
		}
		require.ErrorIs(t, err, fleet.ErrNoJob)
		time.Sleep(10 * time.Millisecond)
	}
	require.FailNow(t, "the job does not come")
	return nil
}

// requireLeft waits until so many jobs are left: a server counts those that were added or
// done a moment after it said that they are.
func requireLeft(t *testing.T, want fleet.Left, q fleet.Queue, c *fleet.Campaign) {
	for end := time.Now().Add(10 * time.Second); left(t, q, c) != want && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	require.Equal(t, want, left(t, q, c))
}

func left(t *testing.T, q fleet.Queue, c *fleet.Campaign) fleet.Left {
	n, err := q.Left(t.Context(), c, fleet.RangeKind)
	require.NoError(t, err)
	return n
}
