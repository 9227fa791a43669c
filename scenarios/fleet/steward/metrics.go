package steward

import (
	"context"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/prometheus/client_golang/prometheus"
)

// Collector is the metrics of a queue. Each scrape asks the queue; results are not read.
type Collector struct{ Queue fleet.Queue }

var (
	jobsMetric    = prometheus.NewDesc("lockstep_fleet_jobs", "Jobs that are not done.", []string{"campaign", "kind", "state"}, nil)
	workersMetric = prometheus.NewDesc("lockstep_fleet_workers", "Workers of the last minute.", []string{"build"}, nil)
	seedsMetric   = prometheus.NewDesc("lockstep_fleet_worker_seeds", "Seeds that a worker of the last minute has run since it began.", []string{"worker"}, nil)
)

// Describe implements prometheus.Collector.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	to <- jobsMetric
	to <- workersMetric
	to <- seedsMetric
}

// scrapeTimeout bounds the time of a scrape.
const scrapeTimeout = 5 * time.Second

// Collect implements prometheus.Collector. A figure that the queue does not tell is left out.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	campaigns, err := c.Queue.Campaigns(ctx)
	if err != nil {
		return
	}
	for _, campaign := range campaigns {
		for _, kind := range fleet.Kinds() {
			left, err := c.Queue.Left(ctx, campaign.Name, kind)
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
