package server

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dst/lockstep/node/service"
)

// responseCounts counts responses over HTTP by the class of their status. It is safe for
// concurrent use.
type responseCounts [len(responseClasses)]atomic.Uint64

// responseClasses are the classes of the status codes of responses, by their first digit.
var responseClasses = [...]string{"2xx", "3xx", "4xx", "5xx"}

func (c *responseCounts) add(status int) {
	if i := status/100 - 2; i >= 0 && i < len(c) {
		c[i].Add(1)
	}
}

// Descriptions of the metrics of refusals that no other metric counts.
var (
	descUnheard   = desc("peer_messages_unheard_total", "Messages in a member's name that were not heard: of a life that this node has not admitted.")
	descResponses = desc("http_responses_total", "Responses over HTTP, by the class of their status; 4xx: refused. Bytes that are no request of HTTP have none.", "class")
)

// refusalMetrics collects the refusals of a node.
type refusalMetrics struct{ server *Server }

// Describe implements prometheus.Collector.
func (m *refusalMetrics) Describe(out chan<- *prometheus.Desc) {
	out <- descUnheard
	out <- descResponses
}

// Collect implements prometheus.Collector.
func (m *refusalMetrics) Collect(out chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	m.server.loop.inspect(func(s *service.Service) { count(descUnheard, s.Member().Unheard()) })
	for i, class := range responseClasses {
		count(descResponses, m.server.responses[i].Load(), class)
	}
}
