package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/spf13/cobra"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/guarantee"
	"github.com/lockstep-dst/lockstep/scenarios/harness/check"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
)

// benchJSON is the JSON form of a report. docs/BENCH.md describes it.
type benchJSON struct {
	Loop        string  `json:"loop"`
	Clients     int     `json:"clients"`
	Rate        float64 `json:"rate,omitempty"`
	Arrivals    string  `json:"arrivals,omitempty"`
	Connections int     `json:"connections"`
	Machines    int     `json:"machines"`
	Spread      string  `json:"spread"`
	Warmup      float64 `json:"warmup_s"`
	Transport   string  `json:"transport"`

	Operations int           `json:"operations"`
	Committed  int           `json:"committed"`
	Rejected   int           `json:"rejected"`
	Unknown    int           `json:"unknown"`
	Seconds    float64       `json:"seconds"`
	PerSecond  float64       `json:"committed_per_s"`
	P50        float64       `json:"p50_ms"`
	P99        float64       `json:"p99_ms"`
	Max        float64       `json:"max_ms"`
	Kinds      []benchKind   `json:"kinds"`
	Late       *benchLatency `json:"late_ms,omitempty"`
	Unstarted  int           `json:"unstarted"`
	CPU        float64       `json:"cpu_s"`
	Sync       float64       `json:"sync_ms,omitempty"`
	RoundTrip  float64       `json:"round_trip_ms"`
	Judged     int           `json:"judged"`
	Behind     float64       `json:"judge_behind_ms"`

	Verdict       checker.Status    `json:"verdict,omitempty"`
	Sentence      string            `json:"sentence,omitempty"`
	Contradiction []string          `json:"contradiction,omitempty"`
	Premise       string            `json:"premise,omitempty"`
	Guarantees    []check.Guarantee `json:"guarantees,omitempty"`
}

// benchKind is the figures of one kind of operation.
type benchKind struct {
	Kind       string       `json:"kind"`
	Operations int          `json:"operations"`
	Committed  int          `json:"committed"`
	Rejected   int          `json:"rejected"`
	Unknown    int          `json:"unknown"`
	PerSecond  float64      `json:"committed_per_s"`
	Latency    benchLatency `json:"latency_ms"`
}

// benchLatency is a distribution of times in milliseconds.
type benchLatency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

func newBenchLatency(h *hdrhistogram.Histogram) benchLatency {
	at := h.ValueAtPercentilesSlice([]float64{50, 90, 99, 99.9})
	return benchLatency{
		Mean: milliseconds(int64(h.Mean())), Max: milliseconds(h.Max()),
		P50: milliseconds(at[0]), P90: milliseconds(at[1]), P99: milliseconds(at[2]), P999: milliseconds(at[3]),
	}
}

// figures returns all that was measured.
func (l *load) figures(bounds hostBounds) benchJSON {
	m, t := l.meter, l.meter.total()
	all, window := newBenchLatency(m.committed), m.window()
	j := benchJSON{
		Loop: "closed", Clients: l.clients, Connections: len(l.connections), Machines: l.bench.machines, Spread: l.spread, Warmup: l.warmup.Seconds(), Transport: l.transport,
		Operations: t.Operations, Committed: t.Committed, Rejected: t.Rejected, Unknown: t.Unknown,
		Seconds: float64(int(window*1000)) / 1000, PerSecond: perSecond(t.inTime, window),
		P50: all.P50, P99: all.P99, Max: all.Max, Unstarted: l.unstarted, CPU: float64(l.cpu.Milliseconds()) / 1000,
		Sync: milliseconds(int64(bounds.Sync)), RoundTrip: milliseconds(int64(bounds.RoundTrip)),
		Behind: milliseconds(int64(l.checker.behind)),
	}
	if l.checker.stream != nil {
		j.Judged = l.checker.stream.Operations()
	}
	if l.open() {
		late := newBenchLatency(m.late)
		j.Loop, j.Rate, j.Arrivals, j.Late = "open", l.rate, l.arrivals, &late
	}
	for k := range m.kinds {
		if f := &m.kinds[k]; f.Operations > 0 {
			j.Kinds = append(j.Kinds, benchKind{
				Kind: opKind(k).String(), Operations: f.Operations, Committed: f.Committed, Rejected: f.Rejected, Unknown: f.Unknown,
				PerSecond: perSecond(f.inTime, window), Latency: newBenchLatency(f.latency),
			})
		}
	}
	return j
}

func perSecond(n int, seconds float64) float64 { return float64(int(float64(n) / seconds)) }

// report prints the figures and the verdicts, and turns them into an exit code.
func (b *bench) report(cmd *cobra.Command, j benchJSON, verdict checker.Result, guarantees []guarantee.Result) error {
	j.Verdict, j.Sentence, j.Contradiction, j.Premise = verdict.Status, verdict.Explanation, check.IDs(verdict.Contradiction), verdict.Premise
	for _, v := range guarantees {
		j.Guarantees = append(j.Guarantees, check.NewGuarantee(v))
	}
	if cli.AsJSON(cmd) {
		if err := json.NewEncoder(cmd.OutOrStdout()).Encode(j); err != nil {
			return err
		}
	} else {
		printBench(cmd.OutOrStdout(), j, verdict)
	}
	if err := check.ExitCode(check.Worst(verdict.Status, guarantees)); err != nil {
		return err
	}
	if j.Committed == 0 {
		code := cli.Unreachable
		if j.Unknown > 0 {
			code = cli.Unknown
		}
		return &cli.Error{Code: code, Text: "nothing was committed; " + noCluster, Printed: true}
	}
	return nil
}

// printBench prints a report for people. The output keeps its errors.
func printBench(out io.Writer, j benchJSON, verdict checker.Result) {
	by := fmt.Sprintf("of %d clients", j.Clients)
	if j.Late != nil {
		by = fmt.Sprintf("with at most %d outstanding", j.Clients)
	}
	fmt.Fprintf(out, "%d operations %s on %d machines in %.1f s: %d committed (%.0f/s), %d rejected, %d unknown\n",
		j.Operations, by, j.Machines, j.Seconds, j.Committed, j.PerSecond, j.Rejected, j.Unknown)
	fmt.Fprintf(out, "latency of the committed: median %.2f ms, 99 %% within %.2f ms, longest %.2f ms\n", j.P50, j.P99, j.Max)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "kind\toperations\tcommitted/s\tmean\t50 %\t90 %\t99 %\t99.9 %\tlongest (ms)\t")
	for _, k := range j.Kinds {
		l := k.Latency
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", k.Kind, k.Operations, k.PerSecond, l.Mean, l.P50, l.P90, l.P99, l.P999, l.Max)
	}
	w.Flush()
	if j.Late != nil {
		fmt.Fprintf(out, "%s arrivals, %.0f/s: 99 %% began within %.2f ms, the latest after %.2f ms, and %d not at all\n",
			j.Arrivals, j.Rate, j.Late.P99, j.Late.Max, j.Unstarted)
	}
	printBounds(out, j)
	fmt.Fprintf(out, "this process used %.2f s of processor time\n", j.CPU)
	if verdict.Status != "" {
		fmt.Fprintf(out, "what the clients saw is %s\n", verdict.Status)
	}
	if verdict.Explanation != "" {
		fmt.Fprintf(out, "%s\n%s", verdict.Explanation, verdict.Evidence())
	}
	for _, v := range j.Guarantees {
		fmt.Fprintln(out, v)
	}
}

// printBounds prints the steps that bound a commit on this host, and the median
// transition in their units.
func printBounds(out io.Writer, j benchJSON) {
	fmt.Fprintf(out, "this host: a round trip of %.3f ms between processes", j.RoundTrip)
	if j.Sync > 0 {
		fmt.Fprintf(out, ", a synced append of 4 KB in %.3f ms", j.Sync)
		if len(j.Kinds) > 0 && j.Kinds[0].Kind == transitions.String() {
			fmt.Fprintf(out, "; the median transition took %.1f times both", j.Kinds[0].Latency.P50/(j.Sync+j.RoundTrip))
		}
	}
	fmt.Fprintln(out)
}
