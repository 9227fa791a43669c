package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// hostBounds are medians of the two steps that no commit can do without.
type hostBounds struct {
	Sync      time.Duration // of a synced append of 4 KB; 0: not measured
	RoundTrip time.Duration // of 64 bytes to another process over TCP on loopback
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

// probeLoopback measures a round trip to another process, as a node is to its clients and peers:
// within one, Go's scheduler hands the bytes over without waking a thread.
func probeLoopback() (took time.Duration, err error) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	echo, err := startEcho(listener.Addr().String())
	if err != nil {
		return 0, err
	}
	defer func() { // it ends with the connection
		if failed := echo.Wait(); err == nil && failed != nil {
			err = fmt.Errorf("the process that echoes: %w", failed)
		}
	}()
	_ = listener.SetDeadline(time.Now().Add(echoStart))
	c, err := listener.Accept()
	if err != nil {
		_ = echo.Process.Kill()
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

// echoStart is the time that the process which echoes has to start.
const echoStart = 10 * time.Second

// startEcho starts this program as one that connects to an address and echoes.
func startEcho(address string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &exec.Cmd{Path: program, Args: []string{"lockstep", "bench", echoName, address}}
	return c, c.Start()
}

const echoName = "echo"

// echoCommand is the other side of probeLoopback.
func echoCommand() *cobra.Command {
	return &cobra.Command{Use: echoName + " ADDRESS", Hidden: true, Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error {
		c, err := net.Dial("tcp", args[0])
		if err != nil {
			return err
		}
		defer c.Close()
		message := make([]byte, probeRoundTrip)
		for err == nil {
			if _, err = io.ReadFull(c, message); err == nil {
				_, err = c.Write(message)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}}
}
