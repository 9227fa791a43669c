package server

import (
	"slices"
	"strconv"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics collects the metrics of /metrics. Counters of the node and the transport
// are read at each collection.
type metrics struct {
	server      *Server
	registry    *prometheus.Registry
	syncSeconds prometheus.Histogram
	writes      prometheus.Counter
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		server:   s,
		registry: prometheus.NewRegistry(),
		syncSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lockstep_log_sync_seconds", Help: "Time that a sync of the log takes.",
			Buckets:                     prometheus.ExponentialBuckets(50e-6, 2, 16),
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour,
		}),
		writes: prometheus.NewCounter(prometheus.CounterOpts{Name: "lockstep_log_writes_total", Help: "Writes to the log."}),
	}
	m.registry.MustRegister(m, &trafficMetrics{s}, &refusalMetrics{s}, m.syncSeconds, m.writes)
	if s.tls != nil {
		m.registry.MustRegister(tlsMetrics{s})
	}
	return m
}

// gatherer gathers the metrics of the node, and those of the Go runtime and of the process,
// which the default registry has. Package collectors has them too, and makes the first
// build longer: it contains a collector for database/sql.
func (m *metrics) gatherer() prometheus.Gatherer {
	return prometheus.Gatherers{m.registry, prometheus.DefaultGatherer}
}

// observeDisk records the duration of one disk operation of the log.
func (m *metrics) observeDisk(op wal.Op, took time.Duration) {
	switch op {
	case wal.Sync:
		m.syncSeconds.Observe(took.Seconds())
	case wal.Write:
		m.writes.Inc()
	}
}

// Descriptions of the metrics that are read at each collection.
var (
	descNodes     = desc("nodes", "Members of the cluster, learners included.")
	descVoters    = desc("voters", "Members that decide: the present voters, and while these change the next ones.", "set")
	descVotes     = desc("votes", "1 if this node is one of them.", "set")
	descEpoch     = desc("epoch", "Epoch of the members that this node has adopted; 1: those that formed the cluster.")
	descMembers   = desc("members", "Members of the cluster, by role.", "role")
	descCarryLeft = desc("carry_over_left", "Keys that this node has still to see chosen before the voters can change.")
	descCarryAll  = desc("carry_over_total", "Keys that it has to see chosen in this change of voters.")
	descPeersUp   = desc("peers_up", "Members that this node has a connection to.")
	descReady     = desc("ready", "1 if the node serves clients.")
	descFormed    = desc("formed", "1 if the cluster is formed, as is durable here.")
	descAbstains  = desc("abstaining", "1 if the node abstains, because its log is disputed.")
	descBoot      = desc("boot", "Number of the node's life.")
	descMachines  = desc("machines", "Machines that the node lists.")
	descMessages  = desc("peer_messages_total", "Messages between members, by peer, type and fate: queued, sent, received or dropped.", "peer", "type", "fate")
	descFailures  = desc("peer_failures_total", "Connections to a peer that failed.", "peer")
	descRetries   = desc("retries_total", "Messages that were sent again.")
	descProposals = desc("proposals_total", "Operations that requested a transition.")
	descReads     = desc("reads_total", "Operations that read the state, by the way they were answered.", "path")
	descRounds    = desc("rounds_total", "Rounds, by how they began.", "path")
	descCommits   = desc("commits_total", "Rounds that chose a value.")
	descAborts    = desc("aborts_total", "Rounds that failed.")
	descCopied    = desc("log_copied_total", "Records written again to keep the log short.")
	descRejects   = desc("rejects_total", "Rejections of proposals and operations, by reason.", "reason")
	descRepair    = desc("repair_total", "Repair: digests compared with a peer's; machines pulled, confirmed to be chosen, decided by a no-op round, or skipped.", "what")
	descWatchers  = desc("watchers", "Clients that watch.")
	descChanges   = desc("watch_changes_total", "Changes of machines sent to watchers.")
	descSlow      = desc("watchers_slow_total", "Watchers cut off because they did not keep up.")
	descNoRoom    = desc("watchers_refused_total", "Watchers that were too many.")
	descWaiting   = desc("operations_waiting", "Operations of clients that the node has not answered.")
	descRefused   = desc("operations_refused_total", "Operations refused because too many wait for the node.")
	descExpired   = desc("operations_expired_total", "Operations refused because their clients no longer awaited the reply.")
	descLimited   = desc("clients_limited_total", "Requests and watches refused because their client used its share of the node.")
	descConns     = desc("http_connections", "Connections of clients.")
	descClosed    = desc("http_connections_closed_total", "Idle connections of clients closed to make room.")
	descStreams   = desc("stream_connections", "Connections of clients that are streams, of the ones in http_connections.")
	descEvents    = desc("events_waiting", "Messages, disk completions and requests that wait for the node's next step.")
	descQueued    = desc("peer_messages_waiting", "Messages that wait to be sent, by peer.", "peer")
	descFull      = desc("log_disk_full", "1 if the disk has no room for the next segment of the log: the node stops when this one is full.")
	descMalformed = desc("malformed_total", "Messages, connections to the peer port, and streams of clients that were malformed.", "what")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("lockstep_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descNodes, descVoters, descVotes, descEpoch, descMembers, descCarryLeft, descCarryAll, descPeersUp, descReady, descFormed, descAbstains, descBoot, descMachines, descMessages, descFailures, descRetries, descProposals,
		descQuotaUsed, descQuotaLimit,
		descReads, descRounds, descCommits, descAborts, descCopied, descRejects, descRepair, descMalformed,
		descWatchers, descChanges, descSlow, descNoRoom,
		descWaiting, descRefused, descExpired, descLimited, descConns, descClosed, descStreams, descEvents, descQueued, descFull,
		descCommitTime, descReadTime, descRoundTime, descStepTime, descQueueTime,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	st := m.server.Status()
	gauge(descNodes, float64(len(st.Members)))
	m.collectMembers(gauge)
	gauge(descReady, boolValue(st.Ready))
	gauge(descFormed, boolValue(st.Stage == member.Formed.String()))
	gauge(descAbstains, boolValue(st.Abstains))
	gauge(descBoot, float64(st.Boot))
	gauge(descMachines, float64(st.Machines))
	m.collectPeers(gauge, count)
	var c node.Counters
	var times loopTimes
	m.server.loop.inspect(func(s *service.Service) {
		c = s.Member().Node().Counters()
		m.collectClients(s.Counters(), gauge, count)
		times = m.server.loop.times
		collectQuotas(s.Quotas(), gauge)
	})
	times.collect(out)
	count(descRetries, c.Resent)
	count(descProposals, c.Proposals)
	count(descReads, c.Reads-c.NoOpReads, "exchange")
	count(descReads, c.NoOpReads, "round")
	count(descRounds, c.FastRounds, "fast")
	count(descRounds, c.PrepareRounds, "prepare")
	count(descCommits, c.Commits)
	count(descAborts, c.FailedRounds)
	count(descRepair, c.DigestsCompared, "compared")
	count(descRepair, c.Pulled, "pulled")
	count(descRepair, c.Confirmed, "confirmed")
	count(descRepair, c.NoOpRounds, "no-op-round")
	count(descRepair, c.Skipped, "skipped")
	count(descCopied, c.Copied)
	count(descMalformed, c.Discarded, "message")
	for reason, n := range c.Rejects {
		count(descRejects, n, string(reason))
	}
}

// collectMembers reports the members, and how far a change of them is.
func (m *metrics) collectMembers(gauge func(*prometheus.Desc, float64, ...string)) {
	members := m.server.Members()
	gauge(descEpoch, float64(members.Epoch))
	roles := map[httpapi.MemberRole]int{}
	for i := range members.Members {
		roles[members.Members[i].Role]++
	}
	for _, role := range []httpapi.MemberRole{httpapi.Voter, httpapi.Coming, httpapi.Leaving, httpapi.Learner, httpapi.Invited} {
		gauge(descMembers, float64(roles[role]), string(role))
	}
	for set, voters := range map[string][]node.ID{"present": members.Voters, "next": members.Next} {
		if len(voters) > 0 {
			gauge(descVoters, float64(len(voters)), set)
			gauge(descVotes, boolValue(slices.Contains(voters, members.Node)), set)
		}
	}
	var carry httpapi.CarryOver
	if members.CarryOver != nil {
		carry = *members.CarryOver
	}
	gauge(descCarryLeft, float64(carry.Left))
	gauge(descCarryAll, float64(carry.Total))
}

// boolValue returns 1 for true and 0 for false.
func boolValue(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// collectPeers reports the transport's metrics.
func (m *metrics) collectPeers(gauge func(*prometheus.Desc, float64, ...string), count func(*prometheus.Desc, uint64, ...string)) {
	up := 0
	malformed := m.server.transport.ListenerStats().Malformed
	for _, p := range m.server.transport.Peers() {
		if p.Up {
			up++
		}
		malformed += p.Malformed
		peer := strconv.Itoa(int(p.ID))
		count(descFailures, p.Failures, peer)
		gauge(descQueued, float64(p.Waiting), peer)
		for _, c := range p.Counts {
			count(descMessages, c.N, peer, c.Type, c.Disposition.String())
		}
	}
	gauge(descPeersUp, float64(up))
	count(descMalformed, malformed, "port")
}

// collectClients reports the resources that clients use.
func (m *metrics) collectClients(c service.Counters, gauge func(*prometheus.Desc, float64, ...string), count func(*prometheus.Desc, uint64, ...string)) {
	l := m.server.loop
	gauge(descWatchers, float64(c.Watchers))
	count(descChanges, c.Published)
	count(descSlow, c.CutOff)
	count(descNoRoom, c.WatchersRefused)
	gauge(descWaiting, float64(c.Pending))
	count(descRefused, c.Refused)
	count(descExpired, c.Expired)
	count(descLimited, m.server.clients.refused())
	connections, closed := m.server.conns.count()
	gauge(descConns, float64(connections))
	count(descClosed, closed)
	streams, malformed := m.server.streams.count()
	gauge(descStreams, float64(streams))
	count(descMalformed, malformed, "stream")
	gauge(descEvents, float64(l.inbox.len()))
	full := 0.0
	if l.diskFull.Load() {
		full = 1
	}
	gauge(descFull, full)
}
