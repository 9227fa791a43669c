package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/session"
)

// Nodes are killed with kill -9 and restarted, over and over, while clients go on.
// The clients' history is linearizable, no acknowledged transition is missing, and
// none has taken effect twice. The history is judged while it grows, and once more
// in the end. LOCKSTEP_LONG=1 makes it 1,000,000 transitions and 200 kills: then most
// are made by a crowd, whose history is judged while it grows and not kept.
func TestKilledNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for some seconds")
	}
	transitions, kills, crowdSize := 2_000, 3, 8
	if long() {
		transitions, kills, crowdSize = 1_000_000, 200, 240
	}
	c := startProcesses(t, 3)
	users := newRecordingClients(t, c.endpoints, 16)
	crowd := newCrowd(t, c.endpoints, crowdSize)
	both := killedClients{users, crowd}
	witnesses := newClusterObservers(users, c)
	begin := time.Now()
	judges := [...]*liveChecker{newLiveChecker(users.recorder), newLiveChecker(crowd.recorder)}
	for _, judge := range judges {
		t.Cleanup(judge.start(func(r checker.Result) {
			t.Error("while the nodes are killed:", r.Explanation, "\n", r.Evidence())
			users.cancel()
			crowd.cancel()
		}))
	}
	witnesses.start()
	users.start()
	crowd.start()
	choice := rand.New(rand.NewPCG(1, uint64(transitions)))
	longest := time.Duration(0)
	for k := range kills {
		both.await(t, (k+1)*transitions/(kills+1))
		i := choice.IntN(len(c.running))
		c.kill(i)
		before := both.count("committed")
		stalled := time.Now()
		both.await(t, before+1+choice.IntN(transitions/(kills+1)/2)) // two nodes are enough
		longest = max(longest, time.Since(stalled))
		c.start(i)
		c.awaitReady(i)
	}
	both.await(t, transitions)
	users.stop()
	crowd.stop()
	took := time.Since(begin)
	for i := range c.running {
		c.awaitReady(i)
	}
	witnesses.recordFinal()
	witnesses.stop()

	for i := range c.running {
		require.Zero(t, c.metric(i, "lockstep_malformed_total", `what="message"`), "node %d hears what makes no sense", i+1)
	}

	for _, judge := range judges {
		live := judge.finish()
		require.Equal(t, checker.Linearizable, live.Status, "%s\n%s", live.Explanation, live.Evidence())
	}

	checked := time.Now()
	result := checker.Check(t.Context(), users.history(), checker.Options{Timeout: testTimeout})
	require.Equal(t, checker.Linearizable, result.Status, result.Explanation)
	t.Logf("%d transitions, %d rejected, %d unknown, %d reads in %v with %d kills; %d operations judged twice in %v; with one node down at most %v",
		both.count("committed"), both.count("rejected"), both.count("unknown"), both.count("read"),
		took.Round(time.Millisecond), kills, len(users.history().Operations), time.Since(checked).Round(time.Millisecond), longest.Round(time.Millisecond))
	users.verify(t)
	crowd.verify(t)
	witnesses.judge(t)
}

// killedClients are all clients of a cluster of which nodes are killed.
type killedClients []*recordingClients

// count returns the number of operations with an outcome.
func (all killedClients) count(outcome string) (n int) {
	for _, u := range all {
		n += u.outcomes.get(outcome)
	}
	return n
}

// await waits until that many transitions are committed in all.
func (all killedClients) await(t testing.TB, transitions int) {
	t.Helper()
	before := -1
	for stuck := time.Now(); ; time.Sleep(time.Millisecond) {
		n := all.count("committed")
		switch {
		case n >= transitions:
			return
		case n != before:
			before, stuck = n, time.Now()
		case time.Since(stuck) > testTimeout:
			require.FailNow(t, fmt.Sprintf("nothing is committed any more after %d transitions", n))
		}
	}
}

// recordingClients is a set of clients that record their operations.
type recordingClients struct {
	t        testing.TB
	clients  []*client.Client
	prefix   string // of the machines
	machines int
	tallies  []tally // by machine
	recorder *recorder
	outcomes counter
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	every     time.Duration // from one operation of a client to the next, as it is intended; 0: one follows the other
	latencyMu sync.Mutex
	latencies [][]latency // by client, with every
}

// latency is how long an operation took that was intended to begin at an instant.
type latency struct{ intended, took time.Duration }

// newRecordingClients returns n clients, two for each machine.
func newRecordingClients(t testing.TB, endpoints []string, n int) *recordingClients {
	return newClients(t, endpoints, n, n, "m")
}

// newCrowd returns n clients, two for each of their own machines, that share four
// streams to each node. Their records are not kept.
func newCrowd(t testing.TB, endpoints []string, n int) *recordingClients {
	u := newClients(t, endpoints, n, 4, "crowd")
	u.recorder.forget = true
	return u
}

func newClients(t testing.TB, endpoints []string, n, connections int, prefix string) *recordingClients {
	return newClientsOf(t, client.Config{Endpoints: endpoints}, n, connections, prefix)
}

func newClientsOf(t testing.TB, config client.Config, n, connections int, prefix string) *recordingClients {
	machines := (n + 1) / 2
	u := &recordingClients{t: t, prefix: prefix, machines: machines, tallies: make([]tally, machines), recorder: newRecorder(n), latencies: make([][]latency, n)}
	u.ctx, u.cancel = context.WithCancel(context.Background())
	t.Cleanup(u.stop)
	for i := range n {
		if i >= connections {
			u.clients = append(u.clients, u.clients[i%connections])
			continue
		}
		c, err := client.New(config)
		require.NoError(t, err)
		t.Cleanup(c.Close)
		u.clients = append(u.clients, c)
	}
	return u
}

func (u *recordingClients) key(i int) string {
	return fmt.Sprintf("lifecycle/%s-%d", u.prefix, 1+i%u.machines)
}

func (u *recordingClients) start() {
	for i := range u.clients {
		u.wg.Go(func() { u.runClient(i) })
	}
}

// runClient runs one client. It mostly proposes transitions that should be legal as
// far as it knows. The machine's other client often makes them illegal.
func (u *recordingClients) runClient(i int) {
	next := map[string]string{"": "Running", "Init": "Running", "Running": "Stopped", "Stopped": "Init"}
	choice := rand.New(rand.NewPCG(uint64(i), 2))
	state := ""
	for n := 0; u.pace(n) && u.ctx.Err() == nil; n++ {
		op := session.Operation{Name: u.clients[i].NewName(), Kind: node.Propose, Key: u.key(i), To: next[state]}
		kind := history.KindPropose
		if choice.IntN(10) == 0 {
			op.Kind, op.To, kind = node.Read, "", history.KindRead
		}
		o := history.Operation{
			Client: i + 1, ID: op.Name, Machine: op.Key, Kind: kind, Argument: op.To,
			Call: u.recorder.lane(i + 1).invoke(), Version: history.NoVersion,
		}
		r, err := u.clients[i].Do(context.Background(), op)
		if err != nil {
			u.t.Errorf("%s: %v", op.Name, err)
			return
		}
		o.Return, o.Outcome, o.Reason = u.recorder.now(), outcomeInHistory(r.Outcome), string(r.Reason)
		if r.Known && r.Outcome != node.Unknown {
			o.State, o.Version, state = r.State, int64(r.Version), r.State
		}
		u.recorder.lane(i + 1).add(sample{Operation: o, Intended: o.Call})
		if u.every > 0 {
			u.addLatency(i, time.Duration(n)*u.every, time.Duration(o.Return))
		}
		if kind == history.KindPropose {
			if again := u.tallies[i%u.machines].add(r); again {
				u.t.Errorf("version %d of %s: %s has it, and another", r.Version, o.Machine, o.ID)
			}
		}
		if kind == history.KindRead {
			u.outcomes.add("read")
		} else {
			u.outcomes.add(r.Outcome.String())
		}
	}
}

func (u *recordingClients) addLatency(client int, intended, ended time.Duration) {
	u.latencyMu.Lock()
	defer u.latencyMu.Unlock()
	u.latencies[client] = append(u.latencies[client], latency{intended, ended - intended})
}

// latenciesOf returns the latencies of a client so far.
func (u *recordingClients) latenciesOf(client int) []latency {
	u.latencyMu.Lock()
	defer u.latencyMu.Unlock()
	return u.latencies[client]
}

// pace waits for the instant at which the operation n of a client is intended. It returns
// false when there are to be no more.
func (u *recordingClients) pace(n int) bool {
	if u.every == 0 {
		return true
	}
	select {
	case <-u.ctx.Done():
		return false
	case <-time.After(time.Duration(n)*u.every - time.Duration(u.recorder.now())):
		return true
	}
}

// await waits until that many transitions are committed in all.
func (u *recordingClients) await(transitions int) {
	u.t.Helper()
	killedClients{u}.await(u.t, transitions)
}

// stop waits until the clients have completed their last operations.
func (u *recordingClients) stop() {
	u.cancel()
	u.wg.Wait()
}

// history returns all that the clients have recorded. A judge that follows the
// recorder must have finished.
func (u *recordingClients) history() history.History {
	u.recorder.collect()
	return u.recorder.history()
}

// tally is the set of the versions that clients have made of one machine. It is safe for
// concurrent use.
type tally struct {
	mu           sync.Mutex
	versions     []uint64 // a bit each
	acknowledged int
	unknown      int // transitions that may have made one
	highest      uint64
}

// add notes the result of a transition. It reports whether another has made its version.
func (y *tally) add(r client.Result) (again bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	switch r.Outcome {
	case node.Unknown:
		y.unknown++
	case node.Committed:
		word, bit := int(r.Version/64), uint64(1)<<(r.Version%64)
		for len(y.versions) <= word {
			y.versions = append(y.versions, 0)
		}
		again = y.versions[word]&bit != 0
		y.versions[word] |= bit
		y.acknowledged++
		y.highest = max(y.highest, r.Version)
	}
	return again
}

// verify compares the acknowledged transitions with the final versions of the
// machines. Each transition makes one version. So every acknowledged one has a
// version of its own, and a machine's version is at least the number of acknowledged
// transitions, and at most that number plus the transitions with an unknown outcome.
func (u *recordingClients) verify(t testing.TB) {
	for i := range u.machines {
		y := &u.tallies[i]
		require.NotZero(t, y.acknowledged)
		r, err := u.clients[0].Get(t.Context(), u.key(i))
		require.NoError(t, err)
		require.Equal(t, node.Committed, r.Outcome, r.Text)
		require.GreaterOrEqual(t, r.Version, y.highest, "%s: acknowledged, and missing in the end", u.key(i))
		require.GreaterOrEqual(t, int(r.Version), y.acknowledged, "%s: transitions are missing", u.key(i))
		require.LessOrEqual(t, int(r.Version), y.acknowledged+y.unknown, "%s: transitions took effect twice", u.key(i))
	}
}
