package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// connection is the part of a client.Client that a load uses.
type connection interface {
	Do(context.Context, session.Operation) (client.Result, error)
	NewName() string
	Close()
}

// load is a bench that runs.
type load struct {
	*bench
	connections []connection
	machines    *machineTable
	recorder    *recorder
	checker     *liveChecker
	meter       *meter
	observers   *loadObservers // nil: none
	pacer       *pacer         // nil: closed loop
	remaining   atomic.Int64   // measured operations that may still begin, if ops > 0
	stop        func()         // no operation begins any more
	unstarted   int            // operations of the open loop that were to begin, and did not
	cpu         time.Duration  // used by this process under the load
}

// connect makes the clients that share the operations. They connect when they are used.
func (b *bench) connect() (all []connection, err error) {
	for range min(b.connections, b.clients) {
		c, err := b.newClient()
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func newLoad(b *bench, connections []connection) *load {
	l := &load{bench: b, connections: connections, machines: newMachineTable(b.prefix, b.machines)}
	lanes := b.clients
	if b.prefill {
		lanes = max(lanes, parallelism)
	}
	l.recorder = newRecorder(lanes)
	l.recorder.forget = b.history == "" && b.observations == ""
	l.checker = newLiveChecker(l.recorder)
	if !b.check {
		l.checker.stream = nil
	}
	l.remaining.Store(int64(b.ops))
	return l
}

func (l *load) close() {
	if l.observers != nil {
		l.observers.cancel()
	}
	for _, c := range l.connections {
		c.Close()
	}
}

// run fills the machines, runs the clients until they end, and returns the verdict.
func (l *load) run(cmd *cobra.Command) (checker.Result, error) {
	if l.observations != "" {
		var err error
		if l.observers, err = l.startObservers(l.recorder); err != nil {
			return checker.Result{}, err
		}
	}
	if l.prefill {
		if err := l.fill(cmd.Context()); err != nil {
			return checker.Result{}, err
		}
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), l.warmup+l.budget)
	defer cancel()
	l.stop = cancel
	status := cli.NewStatusLine(cmd.ErrOrStderr())
	l.measure(status)
	l.cpu = cli.CPUTime()
	quit := l.checker.start(func(v checker.Result) {
		status.Clear()
		fmt.Fprintln(cmd.ErrOrStderr(), "lockstep: violated:", v.Explanation)
		cancel()
	})
	defer quit()
	var clients sync.WaitGroup
	for i := range l.clients {
		clients.Go(func() { l.runClient(ctx, i) })
	}
	clients.Wait()
	if l.pacer != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		l.unstarted = l.pacer.unstarted()
	}
	verdict := l.checker.finish()
	l.cpu = cli.CPUTime() - l.cpu
	status.Clear()
	return verdict, nil
}

// measure begins the window of the figures, and the arrivals of an open loop.
func (l *load) measure(status cli.StatusLine) {
	begin := l.recorder.now()
	l.meter = newMeter(begin+int64(l.warmup), begin+int64(l.warmup+l.budget))
	l.checker.meter = l.meter
	if status.OnTerminal() {
		l.meter.live = newLiveLine(l.recorder.begin, status.Show)
	}
	if l.open() {
		l.pacer = newPacer(l.recorder.begin, begin, l.meter.until, l.rate, l.arrivals == arrivalsPoisson, rand.New(rand.NewPCG(1, 2)))
	}
}
