package server

import "github.com/prometheus/client_golang/prometheus"

var (
	descTLSExpiry     = desc("tls_certificate_expiry_timestamp_seconds", "End of the node's certificate, in seconds since 1970.")
	descTLSReloads    = desc("tls_reloads_total", "Changed files of certificates and authorities that are in use.")
	descTLSErrors     = desc("tls_reload_errors_total", "Looks at files of certificates and authorities that made no sense: the earlier ones stay in use.")
	descTLSHandshakes = desc("tls_handshake_failures_total", "TLS handshakes that failed, by port: peers or clients.", "port")
)

// tlsMetrics collects the metrics of a node's TLS.
type tlsMetrics struct{ server *Server }

// Describe implements prometheus.Collector.
func (m tlsMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descTLSExpiry, descTLSReloads, descTLSErrors, descTLSHandshakes} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m tlsMetrics) Collect(out chan<- prometheus.Metric) {
	state := m.server.tls.files.Status()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	send(descTLSExpiry, prometheus.GaugeValue, float64(state.NotAfter.Unix()))
	send(descTLSReloads, prometheus.CounterValue, float64(state.Reloads))
	send(descTLSErrors, prometheus.CounterValue, float64(state.Failures))
	send(descTLSHandshakes, prometheus.CounterValue, float64(m.server.transport.ListenerStats().Insecure), "peers")
	send(descTLSHandshakes, prometheus.CounterValue, float64(m.server.tls.failures.Load()), "clients")
}
