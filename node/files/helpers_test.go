package files_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// Environment variables that make the test binary run in another role, for tests that
// need a process to kill.
const (
	roleKey = "LOCKSTEP_FILES_TEST_ROLE"
	dirKey  = "LOCKSTEP_FILES_TEST_DIR"
)

var roles = map[string]func(dir string) error{
	"hold": holdLock,
	"log":  logForever,
}

func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleKey)]; role != nil {
		fmt.Fprintln(os.Stderr, role(os.Getenv(dirKey)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child is this program in a role, and the lines it prints.
type child struct {
	*exec.Cmd
	lines *bufio.Scanner
}

func spawn(t *testing.T, role, dir string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleKey+"="+role, dirKey+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return &child{cmd, bufio.NewScanner(out)}
}

// kill kills the child with SIGKILL and returns the last line that it printed in full.
func (c *child) kill(t *testing.T) (last string) {
	t.Helper()
	require.NoError(t, c.Process.Kill())
	for c.lines.Scan() {
		last = c.lines.Text()
	}
	require.Error(t, c.Wait())
	return last
}

// holdLock keeps the directory locked until the process is killed.
func holdLock(dir string) error {
	if _, err := files.Open(dir); err != nil {
		return err
	}
	fmt.Println("held")
	select {}
}

func open(t testing.TB, path string) *files.Dir {
	t.Helper()
	d, err := files.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// execute executes requests, all without error.
func execute(t testing.TB, d *files.Dir, reqs ...wal.DiskRequest) {
	t.Helper()
	for _, r := range reqs {
		require.NoError(t, d.Execute(&r), r.String())
	}
}

const segment = "wal-0000000000000001"

var identity = wal.Identity{Cluster: [16]byte{1}, Node: 7, Incarnation: [16]byte{2}}

// logDriver is the log of one life and the runner of its requests.
type logDriver struct {
	log    *wal.Log
	was    wal.Recovered
	found  []string // entries
	runner *files.Runner
	done   chan completion
	reqs   []wal.DiskRequest
}

type completion struct {
	token uint64
	err   error
}

// boot recovers the log and executes its requests until it is ready.
func boot(d *files.Dir, segment int) (*logDriver, error) {
	n := &logDriver{done: make(chan completion, 16)}
	log, was, err := wal.Recover(d, identity, wal.Options{Segment: segment}, func(entry []byte, _ wal.LSN) error {
		n.found = append(n.found, string(entry))
		return nil
	})
	if err != nil {
		return nil, err
	}
	n.log, n.was = log, was
	n.runner = files.NewRunner(d, func(token uint64, err error) { n.done <- completion{token, err} })
	return n, n.settle()
}

// settle executes requests until everything appended is durable.
func (n *logDriver) settle() error {
	for n.log.Durable() < n.log.End() || !n.log.Ready() {
		n.reqs = n.log.Take(n.reqs[:0])
		n.runner.Submit(n.reqs)
		for last := n.reqs[len(n.reqs)-1].Token; ; {
			c := <-n.done
			n.log.Done(c.token, c.err)
			if n.log.Failed() != nil {
				return n.log.Failed()
			}
			if c.token == last { // it is not quiet
				break
			}
		}
	}
	return nil
}
