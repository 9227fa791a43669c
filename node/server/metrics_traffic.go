package server

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// transfers counts system calls that move bytes, and the bytes. It is safe for
// concurrent use.
type transfers struct{ calls, bytes atomic.Uint64 }

func (t *transfers) add(n int) {
	t.calls.Add(1)
	t.bytes.Add(uint64(n))
}

// traffic is the traffic of a set of connections.
type traffic struct{ received, sent transfers }

// Descriptions of the metrics of bytes and of the calls that move them.
var (
	descWritten     = desc("log_written_bytes_total", "Bytes written to the log, without the zeros of new segments.")
	descPeerWrites  = desc("peer_writes_total", "Writes to a peer, of all messages that had gathered.", "peer")
	descPeerBytes   = desc("peer_sent_bytes_total", "Bytes of messages sent to a peer.", "peer")
	descStreamCalls = desc("stream_calls_total", "Reads from streams of clients, and writes to them.", "call")
	descStreamBytes = desc("stream_bytes_total", "Bytes that streams of clients have received and sent.", "direction")
)

// trafficMetrics collects what a node's operations cost of its disk and its sockets.
type trafficMetrics struct{ server *Server }

// Describe implements prometheus.Collector.
func (m *trafficMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descWritten, descPeerWrites, descPeerBytes, descStreamCalls, descStreamBytes} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *trafficMetrics) Collect(out chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	count(descWritten, m.server.dir.Stats().Written)
	for _, p := range m.server.transport.Peers() {
		peer := strconv.Itoa(int(p.ID))
		count(descPeerWrites, p.Writes, peer)
		count(descPeerBytes, p.SentBytes, peer)
	}
	t := &m.server.streams.traffic
	count(descStreamCalls, t.received.calls.Load(), "read")
	count(descStreamCalls, t.sent.calls.Load(), "write")
	count(descStreamBytes, t.received.bytes.Load(), "received")
	count(descStreamBytes, t.sent.bytes.Load(), "sent")
}
