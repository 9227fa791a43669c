package server

import (
	"math/bits"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/service"
)

// histogram counts durations in buckets, two for each doubling. It takes the place of
// prometheus.Histogram where the loop counts for every step or operation: that one's
// Observe takes a hundred instructions or more, since any goroutine may call it, and this
// one only the loop. The zero value is empty.
type histogram struct {
	counts [histogramBuckets]uint64 // the last one: longer than all bounds
	sum    time.Duration
}

// The bounds go from 2^firstDoubling ns, 16 µs, to 2^lastDoubling ns, 17 s.
const (
	firstDoubling    = 14
	lastDoubling     = 34
	histogramBuckets = 2*(lastDoubling-firstDoubling) + 2
)

// observe counts a duration.
func (h *histogram) observe(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.sum += d
}

// bucketOf returns the first bucket with a bound that is not below d.
func bucketOf(d time.Duration) int {
	v := uint64(max(d, 1) - 1)
	octave := bits.Len64(v) - 1
	if octave < firstDoubling {
		return 0
	}
	half := int(v >> (octave - 1) & 1)
	return min(2*(octave-firstDoubling)+half+1, histogramBuckets-1)
}

// bucketBound returns the bound of a bucket but the last: its longest duration.
func bucketBound(i int) time.Duration { return time.Duration(2+i%2) << (firstDoubling - 1 + i/2) }

// metric returns the histogram as a metric.
func (h *histogram) metric(d *prometheus.Desc) prometheus.Metric {
	buckets := make(map[float64]uint64, histogramBuckets-1)
	count := uint64(0)
	for i, n := range h.counts {
		if count += n; i < histogramBuckets-1 {
			buckets[bucketBound(i).Seconds()] = count
		}
	}
	return prometheus.MustNewConstHistogram(d, count, h.sum.Seconds(), buckets)
}

// loopTimes is the durations that the loop counts.
type loopTimes struct {
	commit histogram // from the step that takes a client's proposal to its commit
	read   histogram // the same of linearizable reads
	round  histogram // of rounds that chose a value, prepare included
	step   histogram // of the loop
	queue  histogram // of the oldest event of a step, until the step
}

// count counts the times in the effects of a step.
func (t *loopTimes) count(e *service.Effects) {
	for i := range e.Replies {
		r := &e.Replies[i]
		switch {
		case r.Reply.Outcome != node.Committed:
		case r.Reply.Kind == node.Propose:
			t.commit.observe(r.Took)
		case r.Reply.Kind == node.Read:
			t.read.observe(r.Took)
		}
	}
	for _, d := range e.RoundTimes {
		t.round.observe(d)
	}
}

// Metrics of loopTimes.
var (
	descCommitTime = desc("commit_seconds", "Time from the step that takes a client's proposal to its commit.")
	descReadTime   = desc("read_seconds", "Time from the step that takes a client's linearizable read to its reply.")
	descRoundTime  = desc("round_seconds", "Time of rounds that chose a value, from prepare, if there is one, to the quorum.")
	descStepTime   = desc("step_seconds", "Time of steps of the node's loop, with what follows from them.")
	descQueueTime  = desc("queue_seconds", "Time for which the oldest event of a step has waited for the step.")
)

// collect reports the durations.
func (t *loopTimes) collect(out chan<- prometheus.Metric) {
	out <- t.commit.metric(descCommitTime)
	out <- t.read.metric(descReadTime)
	out <- t.round.metric(descRoundTime)
	out <- t.step.metric(descStepTime)
	out <- t.queue.metric(descQueueTime)
}
