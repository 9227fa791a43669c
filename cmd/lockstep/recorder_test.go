package main

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
)

// operation returns an operation of a client that ends now.
func operation(r *recorder, client int, id, state string, version, call int64) history.Operation {
	return history.Operation{
		Client: client, ID: id, Machine: "lifecycle/a", Kind: history.KindRead,
		Call: call, Return: r.now(), Outcome: history.Committed, State: state, Version: version,
	}
}

// add records an operation of a client that has ended.
func add(r *recorder, o history.Operation) {
	r.lane(o.Client).add(sample{Operation: o, Intended: o.Call})
}

// A violation is found while clients go on, but not before it is certain: an
// operation in flight may explain it.
func TestLiveCheckerWaitsForOpenOperations(t *testing.T) {
	r := newRecorder(3)
	l := newLiveChecker(r)
	slow := r.lane(1).invoke()
	add(r, operation(r, 2, "c2.1", "Running", 1, r.lane(2).invoke()))
	require.Equal(t, checker.Linearizable, l.advance().Status, "client 1 may have made it Running")

	o := operation(r, 1, "c1.1", "Running", 1, slow)
	o.Kind, o.Argument = history.KindPropose, "Running"
	add(r, o)
	require.Equal(t, checker.Linearizable, l.advance().Status)

	add(r, operation(r, 2, "c2.2", "Init", 0, r.lane(2).invoke()))
	r.lane(3).invoke()
	v := l.advance()
	require.Equal(t, checker.Violated, v.Status)
	require.Equal(t, "c2.2", v.Culprit.ID)
	require.Contains(t, v.Evidence(), "c2.2")
	require.Equal(t, checker.Violated, l.finish().Status, "and stays so")
}

func TestLiveCheckerReportsFirstViolation(t *testing.T) {
	r := newRecorder(3)
	l := newLiveChecker(r)
	told := make(chan checker.Result)
	stop := l.start(func(v checker.Result) { told <- v })
	defer stop()
	add(r, operation(r, 1, "c1.1", "Stopped", 2, r.lane(1).invoke()))
	require.Equal(t, "c1.1", (<-told).Culprit.ID)
}

// An operation in flight at the end has an unknown outcome, or no response.
func TestLiveCheckerFinishes(t *testing.T) {
	r := newRecorder(3)
	l := newLiveChecker(r)
	add(r, operation(r, 1, "c1.1", "Init", 0, r.lane(1).invoke()))
	r.lane(2).invoke()
	require.Equal(t, checker.Linearizable, l.finish().Status)
	require.Equal(t, 1, l.stream.Operations())
}

// A recorder that forgets keeps no history; local reads are no part of one.
func TestRecorderForgets(t *testing.T) {
	for _, forget := range []bool{false, true} {
		r := newRecorder(3)
		r.forget = forget
		for client := 3; client > 0; client-- {
			add(r, operation(r, client, "c1.1", "Init", 0, r.lane(client).invoke()))
		}
		local := sample{Operation: operation(r, 1, "c1.2", "Init", 0, r.lane(1).invoke()), Local: true}
		r.lane(1).add(local)
		samples, _ := r.collect()
		require.Len(t, samples, 4)
		samples, _ = r.collect()
		require.Empty(t, samples)
		ops := r.history().Operations
		if forget {
			require.Empty(t, ops)
			continue
		}
		require.Len(t, ops, 3)
		require.Equal(t, []int{3, 2, 1}, []int{ops[0].Client, ops[1].Client, ops[2].Client}, "in order of call")
	}
}

// A call is not before the time at which its lane was last collected, however long the
// client waits for the lane.
func TestCallsAreNotBeforeTheHorizon(t *testing.T) {
	r := newRecorder(1)
	l := r.lane(1)
	l.mu.Lock() // as collect does
	call := make(chan int64)
	go func() { call <- l.invoke() }()
	time.Sleep(5 * time.Millisecond) // so that the client has come to the lock; if not, the test shows nothing
	horizon := r.now()
	l.mu.Unlock()
	require.GreaterOrEqual(t, <-call, horizon)
}

// While clients come and go, no operation is collected that was called before an
// earlier horizon.
func TestRecorderKeepsItsHorizon(t *testing.T) {
	r := newRecorder(8)
	var clients sync.WaitGroup
	for client := 1; client <= 8; client++ {
		clients.Go(func() {
			for range 2000 {
				add(r, operation(r, client, "c1.1", "Init", 0, r.lane(client).invoke()))
			}
		})
	}
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	total, promised := 0, int64(0)
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		samples, horizon := r.collect()
		for i := range samples {
			require.GreaterOrEqual(t, samples[i].Call, promised)
		}
		total, promised = total+len(samples), horizon
	}
	require.Equal(t, 8*2000, total)
}

// bench reports the violations that its checker finds, in the exit code too.
func TestBenchReportsViolations(t *testing.T) {
	r := newRecorder(3)
	l := newLiveChecker(r)
	add(r, operation(r, 1, "c1.1", "Stopped", 2, r.lane(1).invoke()))
	verdict := l.finish()
	for output, want := range map[string]string{
		"text": "what the clients saw is violated\nlifecycle/a: c1.1 read Stopped at version 2 ",
		"json": `"verdict":"violated","sentence":"lifecycle/a: c1.1 read Stopped `,
	} {
		var out bytes.Buffer
		cmd := &cobra.Command{}
		cli.AddOutputFlags(cmd)
		require.NoError(t, cmd.ParseFlags([]string{"-o", output}))
		cmd.SetOut(&out)
		err := (&bench{}).report(cmd, benchJSON{}, verdict, nil)
		require.Equal(t, &cli.Error{Code: cli.Violated}, err)
		require.Contains(t, out.String(), want)
	}
}
