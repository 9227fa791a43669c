package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/checker/guarantee"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// streamObservation returns the observation in an event of a watch; ok is false if
// the event is of no machine.
func streamObservation(stream string, e watch.Event) (o guarantee.Observation, ok bool) {
	o.Source = stream
	switch {
	case e.State != nil:
		o.Kind, o.Machine, o.Version, o.State = guarantee.State, e.State.Key, int64(e.State.Version), e.State.State
	case e.Transition != nil:
		t := e.Transition
		o.Kind, o.Machine, o.Version, o.From, o.State, o.Operation = guarantee.Transition, t.Key, int64(t.Version), t.From, t.To, node.OpID(t.Operation).Name()
	case e.Gap != nil:
		o.Kind, o.Machine, o.First, o.Version = guarantee.Gap, e.Gap.Key, int64(e.Gap.From), int64(e.Gap.To)
	default:
		return o, false
	}
	return o, true
}

// readObservation returns the observation in the response to a local read.
func readObservation(key string, r client.Result) guarantee.Observation {
	return guarantee.Observation{
		Kind: guarantee.Local, Source: fmt.Sprintf("node %d life %d", r.Node, r.Boot),
		Machine: key, State: r.State, Version: int64(r.Version),
	}
}

// loadObservers observes the machines of a load, apart from its clients: at each
// node a watch stream, and a reader of the node's local state.
type loadObservers struct {
	bench    *bench
	recorder *recorder
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu           sync.Mutex
	observations []guarantee.Observation
	err          error // of the first stream that failed
}

func (b *bench) startObservers(r *recorder) (*loadObservers, error) {
	o := &loadObservers{bench: b, recorder: r}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	nodes := b.endpointList()
	for i := range nodes {
		one := b.clientFlags
		one.endpoints = strings.Join(slices.Concat(nodes[i:], nodes[:i]), ",")
		stream, err := one.newClient()
		if err != nil {
			return nil, err
		}
		one.endpoints = nodes[i]
		reader, err := one.newClient()
		if err != nil {
			return nil, err
		}
		o.wg.Go(func() { defer stream.Close(); o.watch(fmt.Sprintf("stream %d", i+1), stream) })
		o.wg.Go(func() { defer reader.Close(); o.read(reader) })
	}
	return o, nil
}

// record adds an observation with the present time.
func (o *loadObservers) record(seen guarantee.Observation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen.Time = o.recorder.now()
	o.observations = append(o.observations, seen)
}

func (o *loadObservers) watch(name string, c *client.Client) {
	what := client.WatchOptions{
		Prefix: "lifecycle/" + o.bench.prefix + "-", Resume: true,
		OnNodeFailed: func(string, error) { o.record(guarantee.Observation{Kind: guarantee.Resume, Source: name}) },
	}
	err := c.Watch(o.ctx, what, func(e watch.Event) error {
		if seen, ok := streamObservation(name, e); ok {
			o.record(seen)
		}
		return nil
	})
	if o.ctx.Err() == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.err = errors.Join(o.err, fmt.Errorf("%s: %w", name, err))
	}
}

// read reads the machines in turn.
func (o *loadObservers) read(c *client.Client) {
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for n := 0; ; n++ {
		select {
		case <-o.ctx.Done():
			return
		case <-pace.C:
		}
		key := machineKey(o.bench.prefix, n%o.bench.machines)
		if r, err := c.GetLocal(o.ctx, key); err == nil && r.Outcome == node.Committed {
			o.record(readObservation(key, r))
		}
	}
}

// stop stops the observers, and writes their observations to a file.
func (o *loadObservers) stop(name string) error {
	o.cancel()
	o.wg.Wait()
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for _, seen := range o.observations {
		if _, err := w.Write(guarantee.AppendLine(nil, seen)); err != nil {
			break // Flush returns the error
		}
	}
	return errors.Join(o.err, w.Flush(), f.Close())
}
