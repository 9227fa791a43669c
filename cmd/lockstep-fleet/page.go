package main

import (
	"context"
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
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

// servePage serves the folder, the campaigns in progress and the metrics of the queue.
func (s *serve) servePage(ctx context.Context, st *steward.Steward) (*page, error) {
	if s.http == "" {
		return &page{}, nil
	}
	l, err := board.Listen(s.http)
	if err != nil {
		return nil, fmt.Errorf("--http %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(&steward.Collector{Queue: st.Queue, Watch: st.Watch})
	if s.server != nil {
		registry.MustRegister(messagesOf(s.server))
	}
	server := board.NewServer(board.Config{Dir: s.out, Source: st.Watch, Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{})})
	p := &page{"http://" + l.Addr().String() + "/", make(chan struct{})}
	go func() {
		defer close(p.ended)
		if err := server.Serve(ctx, l); err != nil {
			st.Log.Error("the page has ended", "error", err) // the queue goes on
		}
	}()
	return p, nil
}

// messages is the metric of the messages of a server in this process.
type messages struct {
	server *natsqueue.Server
	desc   *prometheus.Desc
}

func messagesOf(s *natsqueue.Server) *messages {
	return &messages{s, prometheus.NewDesc("lockstep_fleet_messages_total", "Messages of the queue since the server began.", []string{"direction"}, nil)}
}

// Describe implements prometheus.Collector.
func (m *messages) Describe(to chan<- *prometheus.Desc) { to <- m.desc }

// Collect implements prometheus.Collector.
func (m *messages) Collect(to chan<- prometheus.Metric) {
	in, out := m.server.Messages()
	to <- prometheus.MustNewConstMetric(m.desc, prometheus.CounterValue, float64(in), "in")
	to <- prometheus.MustNewConstMetric(m.desc, prometheus.CounterValue, float64(out), "out")
}
