package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// lockstep is a cluster of three lockstep nodes.
type lockstep struct {
	processes
	binary    string
	endpoints string
}

func (s *lockstep) name() string { return "lockstep" }

func (s *lockstep) start(ctx context.Context, dir string) error {
	ports, err := freePorts(6)
	if err != nil {
		return err
	}
	var peers, endpoints []string
	for i := range 3 {
		peers = append(peers, fmt.Sprintf("%d=127.0.0.1:%d", i+1, ports[i]))
		endpoints = append(endpoints, fmt.Sprintf("127.0.0.1:%d", ports[3+i]))
	}
	s.endpoints = strings.Join(endpoints, ",")
	for i := range 3 {
		data := filepath.Join(dir, fmt.Sprintf("lockstep-%d", i+1))
		p, err := start(data+".log", s.binary, "node", "--id", fmt.Sprint(i+1), "--peers", strings.Join(peers, ","), "--http", endpoints[i], "--data", data)
		if err != nil {
			return err
		}
		s.processes = append(s.processes, p)
	}
	return s.awaitReady(ctx, func(ctx context.Context) error {
		said, err := exec.CommandContext(ctx, s.binary, "get", "lifecycle/ready", "--endpoints", s.endpoints).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
		return nil
	})
}

// report is the part of the JSON of lockstep bench that is of use here.
type report struct {
	Operations int     `json:"operations"`
	Committed  int     `json:"committed"`
	PerSecond  float64 `json:"committed_per_s"`
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	Max        float64 `json:"max_ms"`
	Verdict    string  `json:"verdict"`
	host
}

func (s *lockstep) load(ctx context.Context, l load) (measurement, time.Duration, error) {
	n := fmt.Sprint(l.clients)
	args := []string{
		"bench", "-o", "json", "--endpoints", s.endpoints, "--clients", n, "--machines", n, "--connections", fmt.Sprint(l.options.connections),
		"--warmup", l.options.warmup.String(), "--for", l.options.measure.String(), "--probe", l.probe, fmt.Sprintf("--check=%v", l.options.check),
	}
	if l.workload == reads {
		args = append(args, "--reads", "100", "--prefill")
	} else {
		args = append(args, "--reads", "0")
	}
	var r report
	used, err := runJSON(ctx, &r, s.binary, args...)
	switch {
	case err != nil:
		return measurement{}, 0, err
	case l.options.check && r.Verdict != "linearizable":
		return measurement{}, 0, fmt.Errorf("the history is %s", r.Verdict)
	case r.Committed < r.Operations:
		return measurement{}, 0, fmt.Errorf("%d of %d operations were not committed", r.Operations-r.Committed, r.Operations)
	}
	return measurement{Operations: r.Operations, PerSecond: r.PerSecond, P50: r.P50, P99: r.P99, Max: r.Max, host: r.host}, used, nil
}
