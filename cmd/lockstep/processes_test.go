package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
	"github.com/stretchr/testify/require"
)

// testTimeout is long for the sake of slow hosts; no test is expected to need it.
const testTimeout = 60 * time.Second

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for limit := time.Now().Add(testTimeout); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			require.FailNow(t, "never happened: "+what)
		}
	}
}

// processCluster is a cluster with a process for each node.
type processCluster struct {
	t         testing.TB
	dir       string
	cluster   string   // its name; empty: the default
	addresses []string // of peers, node 1 first
	endpoints []string
	prefix    []string             // of the command line of a node; nil: none
	programs  []string             // by node: another build's, by its full path; nil or empty: this one's
	flags     func(i int) []string // more flags of node i+1; nil: none
	running   []*process           // nil: down
}

// process is one life of a node.
type process struct {
	*exec.Cmd
	output outputBuffer
	ended  chan struct{} // closed after Wait
}

// outputBuffer is the output of a process, safe for concurrent use.
type outputBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (x *outputBuffer) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.text.Write(p)
}

func (x *outputBuffer) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.text.String()
}

// startProcesses starts n nodes and waits until they reach each other.
func startProcesses(t testing.TB, n int) *processCluster {
	t.Helper()
	c := newProcesses(t, n)
	for i := range n {
		c.start(i)
	}
	for i := range n {
		c.awaitReady(i)
	}
	return c
}

// newProcesses configures n nodes, which are down and have no directories.
func newProcesses(t testing.TB, n int) *processCluster {
	t.Helper()
	c := &processCluster{t: t, dir: t.TempDir(), running: make([]*process, n)}
	for range n {
		c.addresses = append(c.addresses, tcptest.Address(t))
		c.endpoints = append(c.endpoints, tcptest.Address(t))
	}
	t.Cleanup(func() {
		for i := range n {
			c.kill(i)
		}
	})
	return c
}

// data returns the directory of node i+1.
func (c *processCluster) data(i int) string { return filepath.Join(c.dir, fmt.Sprintf("node-%d", i+1)) }

// peers returns the value of the flag for the first n nodes.
func (c *processCluster) peers(n int) string {
	var all []string
	for i, address := range c.addresses[:n] {
		all = append(all, fmt.Sprintf("%d=%s", i+1, address))
	}
	return strings.Join(all, ",")
}

// start starts node i+1 with all nodes as members.
func (c *processCluster) start(i int) {
	c.t.Helper()
	c.startOf(i, len(c.addresses))
}

// startOf starts node i+1 with the first n nodes as members.
func (c *processCluster) startOf(i, n int) {
	c.t.Helper()
	p := &process{ended: make(chan struct{})}
	program := "lockstep"
	if c.programs != nil && c.programs[i] != "" {
		program = c.programs[i]
	}
	line := append(slices.Clone(c.prefix), program, "node", "--id", strconv.Itoa(i+1), "--peers", c.peers(n),
		"--http", c.endpoints[i], "--data", c.data(i))
	if c.cluster != "" {
		line = append(line, "--cluster", c.cluster)
	}
	if c.flags != nil {
		line = append(line, c.flags(i)...)
	}
	p.Cmd = exec.Command(line[0], line[1:]...)
	p.Stdout, p.Stderr = &p.output, &p.output
	require.NoError(c.t, p.Start())
	go func() {
		_ = p.Wait() // ProcessState has the result
		close(p.ended)
	}()
	c.running[i] = p
}

// kill makes node i+1 crash: kill -9. The operating system keeps its writes.
func (c *processCluster) kill(i int) {
	if p := c.running[i]; p != nil {
		_ = p.Process.Kill()
		<-p.ended
		c.running[i] = nil
		if c.t.Failed() {
			c.t.Logf("node %d said:\n%s", i+1, p.output.String())
		}
	}
}

// awaitOutput waits until the present life of node i+1 has printed a line with all
// the words.
func (c *processCluster) awaitOutput(i int, words ...string) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("node %d says %q", i+1, words), func() bool {
	lines:
		for line := range strings.Lines(c.running[i].output.String()) {
			for _, w := range words {
				if !strings.Contains(line, w) {
					continue lines
				}
			}
			return true
		}
		return false
	})
}

// awaitExit waits until node i+1 has ended by itself. It returns the exit code and
// the output.
func (c *processCluster) awaitExit(i int) (code int, said string) {
	c.t.Helper()
	p := c.running[i]
	select {
	case <-p.ended:
	case <-time.After(testTimeout):
		require.FailNow(c.t, fmt.Sprintf("node %d goes on", i+1), p.output.String())
	}
	c.running[i] = nil
	return p.ProcessState.ExitCode(), p.output.String()
}

// runCommand runs the command as people do, and returns its exit code and output.
func runCommand(t testing.TB, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.Command("lockstep", args...)
	text, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// endpointsFlag returns the flag that names nodes, counted from 0, as endpoints.
func (c *processCluster) endpointsFlag(nodes ...int) string {
	var all []string
	for _, i := range nodes {
		all = append(all, c.endpoints[i])
	}
	return "--endpoints=" + strings.Join(all, ",")
}

// awaitReady waits until node i+1 serves clients.
func (c *processCluster) awaitReady(i int) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("node %d gets ready", i+1), func() bool {
		select {
		case <-c.running[i].ended:
			require.FailNow(c.t, fmt.Sprintf("node %d has stopped", i+1), c.running[i].output.String())
		default:
		}
		resp, err := http.Get("http://" + c.endpoints[i] + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// metric returns the sum of a metric of node i+1 over the series that have all the
// labels.
func (c *processCluster) metric(i int, name string, labels ...string) (sum float64) {
	c.t.Helper()
	resp, err := http.Get("http://" + c.endpoints[i] + "/metrics")
	require.NoError(c.t, err)
	defer resp.Body.Close()
lines:
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		rest, ok := strings.CutPrefix(s.Text(), name)
		if !ok || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(rest, l) {
				continue lines
			}
		}
		value, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		require.NoError(c.t, err)
		sum += value
	}
	return sum
}

// long reports whether the tests run at full length.
func long() bool { return os.Getenv("LOCKSTEP_LONG") != "" }

// counter is a set of counts by name, safe for concurrent use.
type counter struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counter) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[what]++
}

func (c *counter) get(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[what]
}

// skipIfShort skips a test in which one thing happens after the other: with -short the race
// detector looks at the others.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("one thing happens after the other")
	}
}
