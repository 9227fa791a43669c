package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// results is the table, and in JSON also what each round has measured.
type results struct {
	CPUs        int     `json:"cpus"`
	Rounds      int     `json:"rounds"`
	Seconds     float64 `json:"seconds"` // of each measurement
	Connections int     `json:"connections"`
	Judged      bool    `json:"judged"` // lockstep's histories were judged meanwhile
	host                // medians of all rounds
	Cells       []*cell `json:"cells"`
}

// cell is a workload with a number of clients.
type cell struct {
	Workload string                   `json:"workload"`
	Clients  int                      `json:"clients"`
	Medians  map[string]measurement   `json:"medians"`       // by side
	Ratio    float64                  `json:"ratio"`         // lockstep's rate by etcd's: median of the rounds; 0 without etcd
	TLSRatio float64                  `json:"tls_ratio"`     // rate with TLS by that without: median of the rounds; 0 without --tls
	TLSCPU   float64                  `json:"tls_cpu_ratio"` // the same of the servers' processor time for an operation
	Runs     map[string][]measurement `json:"runs"`          // by side, in the order of the rounds
}

// cell returns the cell of a workload and a number of clients.
func (r *results) cell(workload string, clients int) *cell {
	for _, c := range r.Cells {
		if c.Workload == workload && c.Clients == clients {
			return c
		}
	}
	c := &cell{Workload: workload, Clients: clients, Medians: map[string]measurement{}, Runs: map[string][]measurement{}}
	r.Cells = append(r.Cells, c)
	return c
}

// finish computes medians and ratios.
func (r *results) finish() {
	var hosts []measurement
	for _, c := range r.Cells {
		for name, runs := range c.Runs {
			c.Medians[name] = medians(runs)
		}
		c.Ratio = c.ratio(plainSide, "etcd", func(m measurement) float64 { return m.PerSecond })
		c.TLSRatio = c.ratio(tlsSide, plainSide, func(m measurement) float64 { return m.PerSecond })
		c.TLSCPU = c.ratio(tlsSide, plainSide, func(m measurement) float64 { return m.ServerCores / max(m.PerSecond, 1) })
		hosts = append(hosts, c.Runs[plainSide]...)
	}
	r.host = host{
		Sync:      medianOf(hosts, func(m measurement) float64 { return m.host.Sync }),
		RoundTrip: medianOf(hosts, func(m measurement) float64 { return m.host.RoundTrip }),
	}
}

// ratio returns the median of the rounds' ratios of a figure on two sides; 0: one was not
// measured.
func (c *cell) ratio(side, to string, of func(measurement) float64) float64 {
	var ratios []float64
	for i := range min(len(c.Runs[side]), len(c.Runs[to])) {
		ratios = append(ratios, of(c.Runs[side][i])/of(c.Runs[to][i]))
	}
	return median(ratios)
}

// medians returns the median of each figure.
func medians(runs []measurement) measurement {
	of := func(f func(m measurement) float64) float64 { return medianOf(runs, f) }
	return measurement{
		Operations:  int(of(func(m measurement) float64 { return float64(m.Operations) })),
		PerSecond:   of(func(m measurement) float64 { return m.PerSecond }),
		P50:         of(func(m measurement) float64 { return m.P50 }),
		P99:         of(func(m measurement) float64 { return m.P99 }),
		Max:         of(func(m measurement) float64 { return m.Max }),
		ServerCPU:   of(func(m measurement) float64 { return m.ServerCPU }),
		LoadCPU:     of(func(m measurement) float64 { return m.LoadCPU }),
		ServerCores: of(func(m measurement) float64 { return m.ServerCores }),
		LoadCores:   of(func(m measurement) float64 { return m.LoadCores }),
	}
}

func medianOf(runs []measurement, f func(m measurement) float64) float64 {
	var all []float64
	for _, m := range runs {
		all = append(all, f(m))
	}
	return median(all)
}

// median returns the middle value, the mean of two if there is none; 0 for none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// print prints the table for people.
func (r *results) print(out io.Writer) error {
	judged := "judged"
	if !r.Judged {
		judged = "not judged"
	}
	fmt.Fprintf(out, "medians of %d rounds of %.1f s on %d processors; lockstep's histories were %s\n", r.Rounds, r.Seconds, r.CPUs, judged)
	fmt.Fprintf(out, "this host: a synced append of 4 KB in %.3f ms, a round trip of %.3f ms between processes\n", r.Sync, r.RoundTrip)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "workload\tclients\tside\toperations/s\tratio\tp50 ms\tp99 ms\tservers' cores\tµs/operation\tload's cores\t")
	for _, c := range r.Cells {
		for _, side := range []string{plainSide, tlsSide, "etcd"} {
			m, measured := c.Medians[side]
			if !measured {
				continue
			}
			ratio := ""
			switch {
			case side == plainSide && c.Ratio > 0:
				ratio = fmt.Sprintf("%.2f", c.Ratio)
			case side == tlsSide:
				ratio = fmt.Sprintf("%.2f", c.TLSRatio)
			}
			fmt.Fprintf(w, "%s\t%d\t%s\t%.0f\t%s\t%.2f\t%.2f\t%.2f\t%.0f\t%.2f\t\n",
				c.Workload, c.Clients, side, m.PerSecond, ratio, m.P50, m.P99, m.ServerCores, m.ServerCores/max(m.PerSecond, 1)*1e6, m.LoadCores)
		}
	}
	return w.Flush()
}
