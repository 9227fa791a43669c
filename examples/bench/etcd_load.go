package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// etcdLoadCommand is the argument by which this program calls itself to load etcd:
// the load of each side is a process of its own.
const etcdLoadCommand = "etcd-load"

// etcdLoad is a closed loop, as that of lockstep bench: each client has a key of its
// own, and one operation in flight.
type etcdLoad struct {
	endpoints, workload, prefix string
	clients, connections        int
	warmup, measure             time.Duration

	from, until time.Time // the window that is measured
	inTime      atomic.Int64
}

func runEtcdLoad(ctx context.Context, args []string, out io.Writer) error {
	var l etcdLoad
	f := flag.NewFlagSet(etcdLoadCommand, flag.ContinueOnError)
	f.StringVar(&l.endpoints, "endpoints", "", "client addresses")
	f.StringVar(&l.workload, "workload", writes, "writes or reads")
	f.StringVar(&l.prefix, "prefix", "lifecycle/load", "keys are PREFIX-1, ...")
	f.IntVar(&l.clients, "clients", 1, "clients")
	f.IntVar(&l.connections, "connections", 1, "connections that they share")
	f.DurationVar(&l.warmup, "warmup", 0, "load so long before anything is measured")
	f.DurationVar(&l.measure, "for", time.Second, "measure so long")
	if err := f.Parse(args); err != nil {
		return err
	}
	m, err := l.run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(m)
}

func (l *etcdLoad) run(ctx context.Context) (measurement, error) {
	connections := make([]*clientv3.Client, min(l.connections, l.clients))
	for i := range connections {
		c, err := newEtcdClient(strings.Split(l.endpoints, ","))
		if err != nil {
			return measurement{}, err
		}
		defer c.Close()
		connections[i] = c
	}
	histograms := make([]*hdrhistogram.Histogram, l.clients)
	if l.workload == reads {
		if err := l.each(func(i int) error { return l.put(ctx, connections[i%len(connections)], i, 0) }); err != nil {
			return measurement{}, err
		}
	}
	l.from = time.Now().Add(l.warmup)
	l.until = l.from.Add(l.measure)
	err := l.each(func(i int) error {
		histograms[i] = newHistogram()
		return l.runClient(ctx, connections[i%len(connections)], i, histograms[i])
	})
	if err != nil {
		return measurement{}, err
	}
	all := newHistogram()
	for _, h := range histograms {
		all.Merge(h)
	}
	return measurement{
		Operations: int(all.TotalCount()), PerSecond: float64(l.inTime.Load()) / l.measure.Seconds(),
		P50: milliseconds(all.ValueAtQuantile(50)), P99: milliseconds(all.ValueAtQuantile(99)), Max: milliseconds(all.Max()),
	}, nil
}

// each calls f for every client at once, and returns the errors.
func (l *etcdLoad) each(f func(i int) error) error {
	errs := make([]error, l.clients)
	var clients sync.WaitGroup
	for i := range l.clients {
		clients.Go(func() { errs[i] = f(i) })
	}
	clients.Wait()
	return errors.Join(errs...)
}

func (l *etcdLoad) runClient(ctx context.Context, c *clientv3.Client, i int, latencies *hdrhistogram.Histogram) error {
	for n := 1; ; n++ {
		begin := time.Now()
		if !begin.Before(l.until) {
			return nil
		}
		if err := l.operate(ctx, c, i, n); err != nil {
			return err
		}
		end := time.Now()
		if end.After(l.from) && end.Before(l.until) {
			l.inTime.Add(1)
		}
		if begin.After(l.from) {
			if err := latencies.RecordValue(int64(end.Sub(begin))); err != nil {
				return err
			}
		}
	}
}

func (l *etcdLoad) operate(ctx context.Context, c *clientv3.Client, i, n int) error {
	if l.workload == writes {
		return l.put(ctx, c, i, n)
	}
	r, err := c.Get(ctx, l.key(i))
	if err == nil && len(r.Kvs) != 1 {
		err = fmt.Errorf("%s: %d values, want 1", l.key(i), len(r.Kvs))
	}
	return err
}

// put writes a value of the size of a state of lockstep's machines.
func (l *etcdLoad) put(ctx context.Context, c *clientv3.Client, i, n int) error {
	_, err := c.Put(ctx, l.key(i), [...]string{"Running", "Stopped", "Init"}[n%3])
	return err
}

func (l *etcdLoad) key(i int) string { return fmt.Sprintf("%s-%d", l.prefix, i+1) }

// newHistogram returns a histogram of nanoseconds up to a minute, to one part in a thousand.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1000, int64(time.Minute), 3) }

// milliseconds returns nanoseconds in milliseconds, to the microsecond.
func milliseconds(ns int64) float64 { return float64(ns/1000) / 1000 }
