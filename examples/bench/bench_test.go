package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Both sides are started, loaded and ended, and nothing stays behind.
func TestSmoke(t *testing.T) {
	etcd := "etcd"
	if _, err := exec.LookPath(etcd); err != nil {
		t.Log("without etcd:", err)
		etcd = noEtcd
	}
	dir := t.TempDir()
	program := buildSelf(t)
	var out, progress bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, "--rounds", "2", "--clients", "1,8", "--for", "200ms", "--warmup", "50ms", "--dir", dir, "--etcd", etcd, "--tls", "--json")
	cmd.Stdout, cmd.Stderr = &out, &progress
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, progress.String())
	}
	var r results
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Cells) != 4 {
		t.Fatalf("%d cells, want 2 workloads with 2 numbers of clients", len(r.Cells))
	}
	for _, c := range r.Cells {
		if etcd != noEtcd && (c.Ratio <= 0 || len(c.Runs["etcd"]) != 2) {
			t.Errorf("%s of %d clients: no ratio of two rounds: %+v", c.Workload, c.Clients, c)
		}
		if c.TLSRatio <= 0 || len(c.Runs[tlsSide]) != 2 {
			t.Errorf("%s of %d clients: no ratio of two rounds with TLS: %+v", c.Workload, c.Clients, c)
		}
		for side, m := range c.Medians {
			if m.Operations == 0 || m.PerSecond <= 0 || m.P99 < m.P50 || m.P50 <= 0 || m.LoadCPU <= 0 {
				t.Errorf("%s, %s of %d clients: %+v", side, c.Workload, c.Clients, m)
			}
		}
	}
	if r.Sync <= 0 || r.RoundTrip <= 0 {
		t.Errorf("the host was not measured: %+v", r.host)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// buildSelf builds this program, which calls itself.
func buildSelf(t *testing.T) string {
	t.Helper()
	program := t.TempDir() + "/bench"
	if said, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return program
}

func TestFlags(t *testing.T) {
	for args, want := range map[string]string{
		"--clients 0":                   `--clients "0": want numbers from 1 to 10000`,
		"--clients 1,many":              `--clients "1,many"`,
		"--workloads scans":             `--workloads "scans": want writes, reads or both`,
		"--rounds 0":                    "--rounds 0: want 1 to 100",
		"--for 0s":                      "--for 0s: want more than 0",
		"--for 1h":                      "--for 1h0m0s: want more than 0 and at most 5m0s",
		"--warmup -1s":                  "--warmup -1s: want 0",
		"--connections 0":               "--connections 0: want 1 to 1000",
		"everything":                    "want flags only",
		"--etcd no-such-etcd":           "apt-get install etcd-server; or leave it out by --etcd none",
		"--dir /no/such --etcd none":    "--dir: ",
		"--source /no/such --etcd none": "building lockstep in --source /no/such",
	} {
		err := run(t.Context(), strings.Fields(args), &bytes.Buffer{}, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}

// A ratio is the median of the rounds' ratios, not the ratio of the medians: a round
// in which the host was slow for both sides counts like any other.
func TestRatios(t *testing.T) {
	var r results
	c := r.cell(writes, 64)
	for _, round := range []struct{ lockstep, etcd float64 }{{100, 50}, {10, 10}, {90, 30}} {
		c.Runs["lockstep"] = append(c.Runs["lockstep"], measurement{PerSecond: round.lockstep, host: host{Sync: round.etcd}})
		c.Runs["etcd"] = append(c.Runs["etcd"], measurement{PerSecond: round.etcd})
		c.Runs[tlsSide] = append(c.Runs[tlsSide], measurement{PerSecond: round.lockstep / 2, ServerCores: 3})
	}
	r.finish()
	if c.TLSRatio != 0.5 || c.Ratio != 2 || c.Medians["lockstep"].PerSecond != 90 || c.Medians["etcd"].PerSecond != 30 || r.Sync != 30 {
		t.Errorf("%+v %+v", c, r.host)
	}
	var out bytes.Buffer
	if err := r.print(&out); err != nil || !strings.Contains(out.String(), "writes       64      lockstep            90   2.00") {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, test := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 2}, 2}} {
		if got := median(test.values); got != test.want {
			t.Errorf("median of %v: %v, want %v", test.values, got, test.want)
		}
	}
}

// A server that ends at once is an error with its last words, not a wait.
func TestServerThatEnds(t *testing.T) {
	p, err := start(t.TempDir()+"/log", "sh", "-c", "echo no such flag; exit 2")
	if err != nil {
		t.Fatal(err)
	}
	all := processes{p}
	defer all.stop()
	<-p.exited
	begin := time.Now()
	err = all.awaitReady(t.Context(), func(context.Context) error { return os.ErrDeadlineExceeded })
	if err == nil || !strings.Contains(err.Error(), "sh has ended: no such flag") {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}
