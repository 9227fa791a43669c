package steward

import (
	"context"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/prometheus/client_golang/prometheus"
)

// Collector is the metrics of a queue. Each scrape asks the queue; results are not read.
type Collector struct {
	Queue fleet.Queue
	Watch *Watch // with the figures of campaigns in progress; nil: none
}

var (
	jobsMetric    = prometheus.NewDesc("lockstep_fleet_jobs", "Jobs that are not done.", []string{"campaign", "kind", "state"}, nil)
	workersMetric = prometheus.NewDesc("lockstep_fleet_workers", "Workers of the last minute.", []string{"build"}, nil)
	doneMetric    = prometheus.NewDesc("lockstep_fleet_seeds", "Seeds of a campaign in progress, by their end.", []string{"campaign", "state"}, nil)
	marksMetric   = prometheus.NewDesc("lockstep_fleet_marks", "Coverage marks that a campaign in progress has hit.", []string{"campaign"}, nil)
	seedsMetric   = prometheus.NewDesc("lockstep_fleet_worker_seeds", "Seeds that a worker of the last minute has run since it began.", []string{"worker"}, nil)
)

// Describe implements prometheus.Collector.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	to <- jobsMetric
	to <- workersMetric
	to <- seedsMetric
	to <- doneMetric
	to <- marksMetric
}

// scrapeTimeout bounds the time of a scrape.
const scrapeTimeout = 5 * time.Second

// Collect implements prometheus.Collector. A figure that the queue does not tell is left out.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	c.collectFigures(to)
	campaigns, err := c.Queue.Campaigns(ctx)
	if err != nil {
		return
	}
	for _, campaign := range campaigns {
		for _, kind := range fleet.Kinds() {
			left, err := c.Queue.Left(ctx, campaign, kind)
			if err != nil {
				continue
			}
			to <- prometheus.MustNewConstMetric(jobsMetric, prometheus.GaugeValue, float64(left.Waiting), campaign.Name, string(kind), "waiting")
			to <- prometheus.MustNewConstMetric(jobsMetric, prometheus.GaugeValue, float64(left.Leased), campaign.Name, string(kind), "leased")
		}
	}
	workers, err := c.Queue.Workers(ctx)
	if err != nil {
		return
	}
	builds := map[string]int{}
	for _, w := range workers {
		builds[w.Build]++
		to <- prometheus.MustNewConstMetric(seedsMetric, prometheus.CounterValue, float64(w.Seeds), w.Name)
	}
	for build, n := range builds {
		to <- prometheus.MustNewConstMetric(workersMetric, prometheus.GaugeValue, float64(n), build)
	}
}

// collectFigures collects the figures of campaigns in progress.
func (c *Collector) collectFigures(to chan<- prometheus.Metric) {
	if c.Watch == nil {
		return
	}
	for _, l := range c.Watch.Running() {
		f, ok := l.Now()
		if !ok {
			continue
		}
		r := &f.Record
		for state, n := range map[string]uint64{"done": r.Seeds, "failed": r.Failed, "undecided": r.Undecided, "waiting": f.Total - r.Seeds} {
			to <- prometheus.MustNewConstMetric(doneMetric, prometheus.GaugeValue, float64(n), f.Name, state)
		}
		to <- prometheus.MustNewConstMetric(marksMetric, prometheus.GaugeValue, float64(r.Marks.Hit), f.Name)
	}
}
