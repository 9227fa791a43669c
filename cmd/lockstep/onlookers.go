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
	"github.com/lockstep-dst/lockstep/node/server"
)

// streamed is what an event of a watch says; not ok if it is of no machine.
func streamed(stream string, e server.Event) (o guarantee.Observation, ok bool) {
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

// localRead is what the answer to a local read says.
func localRead(key string, r client.Result) guarantee.Observation {
	return guarantee.Observation{
		Kind: guarantee.Local, Source: fmt.Sprintf("node %d life %d", r.Node, r.Boot),
		Machine: key, State: r.State, Version: int64(r.Version),
	}
}

// onlookers see what happens to the machines of a load, apart from its clients:
// at each node a stream, and a reader of what the node knows itself.
type onlookers struct {
	load     *load
	recorder *recorder
	quit     context.Context
	end      context.CancelFunc
	all      sync.WaitGroup

	mu   sync.Mutex
	seen []guarantee.Observation
	err  error // of the first stream that failed
}

func (l *load) onlookers(r *recorder) (*onlookers, error) {
	o := &onlookers{load: l, recorder: r}
	o.quit, o.end = context.WithCancel(context.Background())
	nodes := l.list()
	for i := range nodes {
		one := l.asking
		one.endpoints = strings.Join(slices.Concat(nodes[i:], nodes[:i]), ",")
		stream, err := one.client()
		if err != nil {
			return nil, err
		}
		one.endpoints = nodes[i]
		reader, err := one.client()
		if err != nil {
			return nil, err
		}
		o.all.Go(func() { defer stream.Close(); o.watch(fmt.Sprintf("stream %d", i+1), stream) })
		o.all.Go(func() { defer reader.Close(); o.read(reader) })
	}
	return o, nil
}

// see takes note of what was seen just now.
func (o *onlookers) see(seen guarantee.Observation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen.Time = o.recorder.now()
	o.seen = append(o.seen, seen)
}

func (o *onlookers) watch(name string, c *client.Client) {
	what := client.Watching{
		Prefix: "lifecycle/" + o.load.prefix + "-", Resume: true,
		Lost: func(string, error) { o.see(guarantee.Observation{Kind: guarantee.Resume, Source: name}) },
	}
	err := c.Watch(o.quit, what, func(e server.Event) error {
		if seen, ok := streamed(name, e); ok {
			o.see(seen)
		}
		return nil
	})
	if o.quit.Err() == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.err = errors.Join(o.err, fmt.Errorf("%s: %w", name, err))
	}
}

// read asks for one machine after the other.
func (o *onlookers) read(c *client.Client) {
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for n := 0; ; n++ {
		select {
		case <-o.quit.Done():
			return
		case <-pace.C:
		}
		key := fmt.Sprintf("lifecycle/%s-%d", o.load.prefix, 1+n%o.load.machines)
		if r, err := c.GetLocal(o.quit, key); err == nil && r.Outcome == node.Committed {
			o.see(localRead(key, r))
		}
	}
}

// stop ends them, and writes down what they have seen.
func (o *onlookers) stop(name string) error {
	o.end()
	o.all.Wait()
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for _, seen := range o.seen {
		if _, err := w.Write(guarantee.AppendLine(nil, seen)); err != nil {
			break // which Flush tells
		}
	}
	return errors.Join(o.err, w.Flush(), f.Close())
}
