package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
)

// runClient runs one client, from 0: in an open loop, one of the operations that may
// be under way. An operation that has begun is completed.
func (l *load) runClient(ctx context.Context, i int) {
	choice := rand.New(rand.NewPCG(uint64(i), 1))
	choose := l.machines.chooser(l.spread, i, choice)
	for {
		intended, ok := l.await(ctx)
		if !ok {
			return
		}
		o := session.Operation{Kind: node.Propose}
		switch n := choice.IntN(100); {
		case n < l.reads:
			o.Kind = node.Read
		case n < l.reads+l.local:
			o.Kind = node.ReadLocal
		}
		if _, err := l.operate(ctx, i, choose(), o, intended); err != nil {
			return
		}
	}
}

// await waits until the next operation is to begin, and returns the time; false if
// none is.
func (l *load) await(ctx context.Context) (intended int64, ok bool) {
	if l.pacer != nil {
		intended, ok = l.pacer.arrival(ctx)
	} else {
		intended, ok = l.recorder.now(), ctx.Err() == nil
	}
	if ok && l.ops > 0 && intended >= l.meter.from && l.remaining.Add(-1) < 0 {
		l.stop()
		return 0, false
	}
	return intended, ok
}

// operate carries out an operation of a client on a machine, both from 0, and
// records it. Of o it needs the kind.
func (l *load) operate(ctx context.Context, i, machine int, o session.Operation, intended int64) (client.Result, error) {
	c, lane := l.connections[i%len(l.connections)], l.recorder.lane(i+1)
	o.Name, o.Key = c.NewName(), l.machines.keys[machine]
	s := sample{Operation: history.Operation{
		Client: i + 1, ID: o.Name, Machine: o.Key, Kind: history.KindRead, Version: history.NoVersion,
	}, Intended: intended, Local: o.Kind == node.ReadLocal}
	if o.Kind == node.Propose {
		o.To = l.machines.next(machine)
		s.Kind, s.Argument = history.KindPropose, o.To
	}
	s.Call = lane.invoke()
	r, err := c.Do(context.WithoutCancel(ctx), o)
	s.Return, s.Outcome, s.Reason = l.recorder.now(), outcomeInHistory(r.Outcome), string(r.Reason)
	if r.Known && r.Outcome != node.Unknown {
		s.State, s.Version = r.State, int64(r.Version)
		l.machines.learn(machine, r.State, r.Version)
		if s.Local && l.observers != nil {
			l.observers.record(readObservation(o.Key, r))
		}
	}
	lane.add(s)
	return r, err
}

// fillAtOnce is the number of machines that fill steps between checks.
const fillAtOnce = 50_000

// fill steps every machine once.
func (l *load) fill(ctx context.Context) error {
	for first := 0; first < l.bench.machines; first += fillAtOnce {
		err := inParallel(min(fillAtOnce, l.bench.machines-first), func(worker, i int) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r, err := l.operate(ctx, worker, first+i, session.Operation{Kind: node.Propose}, l.recorder.now())
			if err != nil {
				return err
			}
			if r.Outcome == node.Unknown || r.Unavailable() {
				return &cli.Error{Code: cli.Unreachable, Text: fmt.Sprintf("--prefill: %s: %s", l.machines.keys[first+i], r.Text)}
			}
			return nil
		})
		if err != nil {
			return err
		}
		l.checker.advance()
	}
	return nil
}
