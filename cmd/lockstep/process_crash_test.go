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
// in the end. LOCKSTEP_LONG=1 makes it 100,000 transitions and 200 kills.
func TestKilledNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for some seconds")
	}
	transitions, kills := 2_000, 3
	if long() {
		transitions, kills = 100_000, 200
	}
	c := startProcesses(t, 3)
	users := newRecordingClients(t, c.endpoints, 16)
	witnesses := newClusterObservers(users, c)
	begin := time.Now()
	judge := newLiveChecker(users.recorder)
	t.Cleanup(judge.start(func(r checker.Result) {
		t.Error("while the nodes are killed:", r.Explanation, "\n", r.Evidence())
		users.cancel()
	}))
	witnesses.start()
	users.start()
	choice := rand.New(rand.NewPCG(1, uint64(transitions)))
	longest := time.Duration(0)
	for k := range kills {
		users.await((k + 1) * transitions / (kills + 1))
		i := choice.IntN(len(c.running))
		c.kill(i)
		before := users.outcomes.get("committed")
		stalled := time.Now()
		users.await(before + 1 + choice.IntN(transitions/(kills+1)/2)) // two nodes are enough
		longest = max(longest, time.Since(stalled))
		c.start(i)
		c.awaitReady(i)
	}
	users.await(transitions)
	users.stop()
	took := time.Since(begin)
	for i := range c.running {
		c.awaitReady(i)
	}
	witnesses.recordFinal()
	witnesses.stop()

	for i := range c.running {
		require.Zero(t, c.metric(i, "lockstep_malformed_total", `what="message"`), "node %d hears what makes no sense", i+1)
	}

	live := judge.finish()
	require.Equal(t, checker.Linearizable, live.Status, "%s\n%s", live.Explanation, live.Evidence())

	checked := time.Now()
	result := checker.Check(t.Context(), users.history(), checker.Options{Timeout: testTimeout})
	require.Equal(t, checker.Linearizable, result.Status, result.Explanation)
	t.Logf("%d transitions, %d rejected, %d unknown, %d reads in %v with %d kills; judged in %v; with one node down at most %v",
		users.outcomes.get("committed"), users.outcomes.get("rejected"), users.outcomes.get("unknown"), users.outcomes.get("read"),
		took.Round(time.Millisecond), kills, time.Since(checked).Round(time.Millisecond), longest.Round(time.Millisecond))
	users.verify(t)
	witnesses.judge(t)
}

// recordingClients is a set of clients that record their operations.
type recordingClients struct {
	t        testing.TB
	clients  []*client.Client
	machines int
	recorder *recorder
	outcomes counter
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup
}

// newRecordingClients returns n clients, two for each machine.
func newRecordingClients(t testing.TB, endpoints []string, n int) *recordingClients {
	u := &recordingClients{t: t, machines: (n + 1) / 2, recorder: newRecorder(n)}
	u.ctx, u.cancel = context.WithCancel(context.Background())
	t.Cleanup(u.stop)
	for range n {
		c, err := client.New(client.Config{Endpoints: endpoints})
		require.NoError(t, err)
		t.Cleanup(c.Close)
		u.clients = append(u.clients, c)
	}
	return u
}

func (u *recordingClients) key(i int) string { return fmt.Sprintf("lifecycle/m-%d", 1+i%u.machines) }

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
	for u.ctx.Err() == nil {
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
		if kind == history.KindRead {
			u.outcomes.add("read")
		} else {
			u.outcomes.add(r.Outcome.String())
		}
	}
}

// await waits until that many transitions are committed in all.
func (u *recordingClients) await(transitions int) {
	u.t.Helper()
	before := -1
	for stuck := time.Now(); ; time.Sleep(time.Millisecond) {
		n := u.outcomes.get("committed")
		switch {
		case n >= transitions:
			return
		case n != before:
			before, stuck = n, time.Now()
		case time.Since(stuck) > testTimeout:
			require.FailNow(u.t, fmt.Sprintf("nothing is committed any more after %d transitions", n))
		}
	}
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

// verify compares the acknowledged transitions with the final versions of the
// machines. Each transition makes one version. So every acknowledged one has a
// version of its own, and a machine's version is at least the number of acknowledged
// transitions, and at most that number plus the transitions with an unknown outcome.
func (u *recordingClients) verify(t testing.TB) {
	operations := u.history().Operations
	require.NotEmpty(t, operations)
	for i := range u.machines {
		acknowledged, unknown := map[int64]string{}, 0
		highest := int64(0)
		for _, o := range operations {
			switch {
			case o.Machine != u.key(i) || o.Kind != history.KindPropose:
			case o.Outcome == history.Unknown:
				unknown++
			case o.Outcome == history.Committed:
				require.Empty(t, acknowledged[o.Version], "version %d of %s: %s has it too", o.Version, o.Machine, o.ID)
				acknowledged[o.Version] = o.ID
				highest = max(highest, o.Version)
			}
		}
		r, err := u.clients[0].Get(t.Context(), u.key(i))
		require.NoError(t, err)
		require.Equal(t, node.Committed, r.Outcome, r.Text)
		require.GreaterOrEqual(t, int64(r.Version), highest, "%s: acknowledged, and missing in the end", u.key(i))
		require.GreaterOrEqual(t, int(r.Version), len(acknowledged), "%s: transitions are missing", u.key(i))
		require.LessOrEqual(t, int(r.Version), len(acknowledged)+unknown, "%s: transitions took effect twice", u.key(i))
	}
}
