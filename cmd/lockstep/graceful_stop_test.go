//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/server"
)

// terminate sends SIGTERM to node i+1.
func (c *processCluster) terminate(i int) {
	c.t.Helper()
	require.NoError(c.t, c.running[i].Process.Signal(syscall.SIGTERM))
}

// Nodes that are stopped with SIGTERM and started again, one after the other, end no
// operation with an unknown outcome, and reject none: clients go elsewhere. How long they
// wait is measured in virtual time, by node/client.TestRollingRestart. On a host so busy that
// a client asks a second node, the first may answer when 16 others have changed the machine:
// the dedup window is too long for that.
func TestRollingRestartOfProcesses(t *testing.T) {
	t.Setenv("LOCKSTEP_DEDUP_WINDOW", "256")
	c := startProcesses(t, 3)
	users := newRecordingClients(t, c.endpoints, 8)
	users.start()
	for round := range 2 {
		for i := range c.running {
			users.await(100 * (1 + 3*round + i))
			c.terminate(i)
			code, said := c.awaitExit(i)
			require.Zero(t, code, said)
			require.Contains(t, said, "stopping: operations under way are ended first")
			c.start(i)
			c.awaitReady(i)
		}
	}
	users.await(700)
	users.stop()
	t.Log(users.outcomes.n)
	require.Zero(t, users.outcomes.get("unknown"))
	require.Zero(t, users.outcomes.get("unavailable"))
}

// operationUnderWay has a client wait for node 1, which has no majority.
func operationUnderWay(t *testing.T, c *processCluster) (outcome chan client.Result) {
	t.Helper()
	u, err := client.New(client.Config{Endpoints: c.endpoints[:1], Deadline: time.Hour, AttemptTimeout: 30 * time.Minute})
	require.NoError(t, err)
	t.Cleanup(u.Close)
	outcome = make(chan client.Result, 1)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() {
		r, _ := u.Propose(ctx, "lifecycle/web", "Running")
		outcome <- r
	}()
	eventually(t, "it waits", func() bool {
		select {
		case r := <-outcome:
			require.FailNow(t, "it has ended", "%+v", r)
		default:
		}
		return c.metric(0, "lockstep_operations_waiting") == 1
	})
	return outcome
}

// While a node waits for operations it says that it stops, and a second signal ends it at
// once. Otherwise it waits for its drain timeout.
func TestStopWithOperationsUnderWay(t *testing.T) {
	for name, x := range map[string]struct {
		timeout string
		second  bool
	}{"second signal": {"1h", true}, "timeout": {"300ms", false}} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("LOCKSTEP_CONSENSUS_TIMEOUT", "1h")
			t.Setenv("LOCKSTEP_DRAIN_TIMEOUT", x.timeout)
			c := startProcesses(t, 3)
			c.kill(1)
			c.kill(2)
			operationUnderWay(t, c)
			c.terminate(0)
			p := c.running[0]
			if !x.second {
				code, said := c.awaitExit(0)
				require.Zero(t, code)
				require.Contains(t, said, "stops with operations under way")
				return
			}
			eventually(t, "it is not ready any more", func() bool {
				resp, err := http.Get("http://" + c.endpoints[0] + "/readyz")
				require.NoError(t, err, "it serves until it has drained")
				defer resp.Body.Close()
				return resp.StatusCode == http.StatusServiceUnavailable
			})
			select {
			case <-p.ended:
				require.FailNow(t, "it has ended with an operation under way", p.output.String())
			case <-time.After(200 * time.Millisecond):
			}
			c.terminate(0)
			<-p.ended
			require.Equal(t, syscall.SIGTERM, p.ProcessState.Sys().(syscall.WaitStatus).Signal())
			c.running[0] = nil
		})
	}
}

// An interruption ends the wait for a node that is still reading its log, which may take
// long: here for ever.
func TestStopWhileTheLogIsRead(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	reads, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	go func() {
		<-reads
		interrupt()
	}()
	var said bytes.Buffer
	cfg := server.Config{Node: node.Config{ID: 1}, Log: slog.New(slog.NewTextHandler(&said, nil))}
	_, err := startNode(ctx, cfg, func(server.Config) (*server.Server, error) {
		close(reads)
		<-release
		return nil, errors.New("the log is read")
	})
	require.ErrorIs(t, err, errInterrupted)
	require.Contains(t, said.String(), "interrupted before the node has started")
}

// The second signal ends the first process of a container, too, which the kernel spares
// signals that it does not handle.
func TestStopOfTheFirstProcess(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if err != nil || exec.CommandContext(t.Context(), unshare, "--pid", "--fork", "true").Run() != nil {
		t.Skip("this host makes no process namespaces for tests")
	}
	t.Setenv("LOCKSTEP_CONSENSUS_TIMEOUT", "1h")
	t.Setenv("LOCKSTEP_DRAIN_TIMEOUT", "1h")
	c := startProcesses(t, 3)
	c.kill(1)
	c.kill(2)
	c.terminate(0)
	c.awaitExit(0)
	c.prefix = []string{unshare, "--pid", "--fork", "--kill-child"}
	c.start(0)
	c.awaitOutput(0, "serves clients")
	operationUnderWay(t, c)
	inner := childOf(t, c.running[0].Process.Pid)
	require.NoError(t, syscall.Kill(inner, syscall.SIGTERM))
	c.awaitOutput(0, "stopping: operations under way are ended first")
	require.NoError(t, syscall.Kill(inner, syscall.SIGTERM))
	code, said := c.awaitExit(0)
	require.Equal(t, 128+int(syscall.SIGTERM), code, said)
}

// childOf returns the only child of a process.
func childOf(t *testing.T, pid int) (child int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	require.NoError(t, err)
	_, err = fmt.Sscan(string(text), &child)
	require.NoError(t, err)
	return child
}
