package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/steward"
	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// page is the page of campaigns with the metrics, until the context ends.
type page struct {
	address string // empty: there is none
	ended   chan struct{}
}

// wait waits until the page has ended.
func (p *page) wait() {
	if p.ended != nil {
		<-p.ended
	}
}

// servePage serves the folder and the metrics of the queue.
func (s *serve) servePage(ctx context.Context, q fleet.Queue) (*page, error) {
	if s.http == "" {
		return &page{}, nil
	}
	l, err := board.Listen(s.http)
	if err != nil {
		return nil, fmt.Errorf("--http %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(&steward.Collector{Queue: q})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.Handle("/", board.NewServer(board.Config{Dir: s.out}).Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	p := &page{"http://" + l.Addr().String() + "/", make(chan struct{})}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // it is the end of the process
	go func() {
		defer close(p.ended)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			panic(err) // a listener that was good a moment ago
		}
	}()
	return p, nil
}
