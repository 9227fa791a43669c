package main

import (
	"context"
	"time"
)

// Workloads.
const (
	writes = "writes" // lockstep: transitions; etcd: puts. A client has a machine, or key, of its own
	reads  = "reads"  // linearizable reads of machines, or keys, that were written once
)

// load is the load of one cell of the table.
type load struct {
	workload string
	clients  int
	round    int
	options  options
	probe    string // directory for a probe of the disk
}

// side is a cluster of three servers, and the way to load it.
type side interface {
	name() string
	start(ctx context.Context, dir string) error
	stop()
	cpu() time.Duration // of the servers so far
	// load loads the cluster from a process of its own, and returns its processor time.
	load(ctx context.Context, l load) (measurement, time.Duration, error)
}

// measurement is the result of one load.
type measurement struct {
	Operations int     `json:"operations"`
	PerSecond  float64 `json:"per_s"`
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	Max        float64 `json:"max_ms"`

	// Processor time during the load, its warm-up included.
	ServerCPU   float64 `json:"server_cpu_s"`
	LoadCPU     float64 `json:"load_cpu_s"`
	ServerCores float64 `json:"server_cores"`
	LoadCores   float64 `json:"load_cores"`

	host host
}

// host is the figures of this host that bound a commit.
type host struct {
	Sync      float64 `json:"sync_ms"`       // a synced append of 4 KB
	RoundTrip float64 `json:"round_trip_ms"` // to another process over TCP on loopback
}
