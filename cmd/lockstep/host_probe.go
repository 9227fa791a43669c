package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"
)

// hostBounds are medians of the two steps that no commit can do without.
type hostBounds struct {
	Sync      time.Duration // of a synced append of 4 KB; 0: not measured
	RoundTrip time.Duration // of 64 bytes over TCP on loopback
}

const (
	probes         = 200
	probeAppend    = 4096 // bytes
	probeRoundTrip = 64   // bytes
)

// probeHost measures the bounds of this host; dir is the directory for the append,
// or empty.
func probeHost(dir string) (h hostBounds, err error) {
	if h.RoundTrip, err = probeLoopback(); err != nil {
		return h, fmt.Errorf("measuring a round trip on loopback: %w", err)
	}
	if dir == "" {
		return h, nil
	}
	if h.Sync, err = probeSync(dir); err != nil {
		return h, fmt.Errorf("--probe: %w", err)
	}
	return h, nil
}

// median returns the median duration of f.
func median(f func() error) (time.Duration, error) {
	times := make([]time.Duration, probes)
	for i := range times {
		begin := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		times[i] = time.Since(begin)
	}
	slices.Sort(times)
	return times[probes/2], nil
}

func probeSync(dir string) (took time.Duration, err error) {
	f, err := os.CreateTemp(dir, "lockstep-probe-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, probeAppend)
	return median(func() error {
		if _, err := f.Write(block); err != nil {
			return err
		}
		return f.Sync()
	})
}

func probeLoopback() (time.Duration, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	go func() { // echoes until the connection is closed
		if c, err := listener.Accept(); err == nil {
			defer c.Close()
			_, _ = io.Copy(c, c)
		}
	}()
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return 0, err
	}
	defer c.Close()
	message := make([]byte, probeRoundTrip)
	return median(func() error {
		if _, err := c.Write(message); err != nil {
			return err
		}
		_, err := io.ReadFull(c, message)
		return err
	})
}
