package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Names of the sides of lockstep.
const (
	plainSide = "lockstep"
	tlsSide   = "lockstep-tls"
)

// lockstep is a cluster of three lockstep nodes.
type lockstep struct {
	processes
	binary    string
	tls       bool // between nodes and with clients
	endpoints string
	client    []string // flags of commands that are clients
}

func (s *lockstep) name() string {
	if s.tls {
		return tlsSide
	}
	return plainSide
}

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
	s.client = []string{"--endpoints", s.endpoints}
	if s.tls {
		if err := s.certify(ctx, dir); err != nil {
			return err
		}
		s.client = append(s.client, certificateFlags(dir, "client-bench")...)
	}
	for i := range 3 {
		data := filepath.Join(dir, fmt.Sprintf("%s-%d", s.name(), i+1))
		line := []string{"node", "--id", fmt.Sprint(i + 1), "--peers", strings.Join(peers, ","), "--http", endpoints[i], "--data", data}
		if s.tls {
			line = append(line, certificateFlags(dir, fmt.Sprintf("node-%d", i+1))...)
		}
		p, err := start(data+".log", s.binary, line...)
		if err != nil {
			return err
		}
		s.processes = append(s.processes, p)
	}
	return s.awaitReady(ctx, func(ctx context.Context) error {
		said, err := exec.CommandContext(ctx, s.binary, append([]string{"get", "lifecycle/ready"}, s.client...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
		return nil
	})
}

// certificates is the folder of the certificates of a cluster with TLS.
const certificates = "certs"

// certify makes an authority, and certificates of three nodes and a client.
func (s *lockstep) certify(ctx context.Context, dir string) error {
	for _, line := range [][]string{
		{"ca", "--cluster", "lockstep"}, {"node", "--id", "1"}, {"node", "--id", "2"}, {"node", "--id", "3"}, {"client", "--name", "bench", "--role", "admin"},
	} {
		line = append(append([]string{"certs"}, line...), "--dir", filepath.Join(dir, certificates))
		if said, err := exec.CommandContext(ctx, s.binary, line...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w: %s", filepath.Base(s.binary), strings.Join(line, " "), err, said)
		}
	}
	return nil
}

// certificateFlags returns the flags of the owner of a certificate.
func certificateFlags(dir, owner string) []string {
	file := func(name string) string { return filepath.Join(dir, certificates, name) }
	return []string{"--tls-ca", file("ca.crt"), "--tls-cert", file(owner + ".crt"), "--tls-key", file(owner + ".key")}
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
		"bench", "-o", "json", "--clients", n, "--machines", n, "--connections", fmt.Sprint(l.options.connections),
		"--warmup", l.options.warmup.String(), "--for", l.options.measure.String(), "--probe", l.probe, fmt.Sprintf("--check=%v", l.options.check),
	}
	args = append(args, s.client...)
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
