package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/stretchr/testify/require"
)

// backup copies the directory of node i+1, which is down.
func (c *processCluster) backup(i int, name string) {
	c.t.Helper()
	require.NoError(c.t, os.CopyFS(filepath.Join(c.dir, name), os.DirFS(c.data(i))))
}

// restore replaces the directory of node i+1 by a copy, or removes it if name is
// empty.
func (c *processCluster) restore(i int, name string) {
	c.t.Helper()
	require.NoError(c.t, os.RemoveAll(c.data(i)))
	if name != "" {
		require.NoError(c.t, os.CopyFS(c.data(i), os.DirFS(filepath.Join(c.dir, name))))
	}
}

// A node of a cluster of three does not become one of five by a flag. Otherwise
// there could be two disjoint majorities, and the second would not know what the
// first has committed.
func TestMembersFlagCannotChange(t *testing.T) {
	skipIfShort(t)
	c := newProcesses(t, 5)
	for i := range 3 {
		c.startOf(i, 3)
	}
	for i := range 3 {
		c.awaitReady(i)
	}
	code, said := runCommand(t, "propose", "lifecycle/x", "Running", c.endpointsFlag(0, 1, 2))
	require.Zero(t, code, said)
	c.kill(2)
	code, said = runCommand(t, "propose", "lifecycle/x", "Stopped", c.endpointsFlag(0, 1))
	require.Zero(t, code, said)
	c.kill(0)
	c.kill(1)

	for i := 2; i < 5; i++ {
		c.start(i)
	}
	code, said = c.awaitExit(2)
	require.EqualValues(t, cli.Usage, code)
	require.Contains(t, said, "the members are not those of the log: its log is of a cluster of members 1 2 3, and it was started for 1 2 3 4 5")
	require.Contains(t, said, "start it with the members of its log; they change by the command members, and not by flags")
	code, said = runCommand(t, "get", "lifecycle/x", c.endpointsFlag(2, 3, 4), "--timeout=2s")
	require.NotZero(t, code, said)
	require.NotContains(t, said, "lifecycle/x Running")
	code, said = runCommand(t, "status", c.endpointsFlag(3, 4))
	require.EqualValues(t, cli.Unreachable, code)
	require.Contains(t, said, "the cluster is not formed: node 3 has not introduced itself, and all members must")

	for i := range 3 { // nothing is lost
		c.startOf(i, 3)
	}
	for i := range 3 {
		c.awaitReady(i)
	}
	code, said = runCommand(t, "get", "lifecycle/x", c.endpointsFlag(2))
	require.Zero(t, code, said)
	require.Equal(t, "lifecycle/x Stopped v2\n", said)
}

// One of three nodes is restored from an older copy of its directory, and begins a
// second life for the second time. A third node that has met the first second life
// rejects it, though the two would be a majority, and the restored node abstains.
func TestRestoredCopyIsRejected(t *testing.T) {
	skipIfShort(t)
	c := startProcesses(t, 3)
	code, said := runCommand(t, "propose", "lifecycle/x", "Running", c.endpointsFlag(0, 1, 2))
	require.Zero(t, code, said)
	c.kill(0)
	c.backup(0, "backup")
	c.start(0)
	c.awaitOutput(2, `"introduced: boot 2"`, "peer=1")
	c.kill(2)
	code, said = runCommand(t, "propose", "lifecycle/x", "Stopped", c.endpointsFlag(0, 1))
	require.Zero(t, code, said)
	c.kill(0)
	c.kill(1)
	c.restore(0, "backup")
	c.start(0)
	c.start(2)

	c.awaitOutput(0, "level=ERROR", "it abstains from now on: its directory is an older copy, and its promises since are lost", "peer=3")
	c.awaitOutput(2, "level=WARN", "refused: its directory is an older copy", "peer=1")
	code, said = runCommand(t, "status", c.endpointsFlag(0, 2))
	require.EqualValues(t, cli.Unreachable, code, said)
	require.Contains(t, said, "it abstains: its directory is an older copy")
	require.Contains(t, said, "node 1 is refused: its directory is an older copy")
	for _, nodes := range [][]int{{0}, {2}, {0, 2}} {
		code, said = runCommand(t, "get", "lifecycle/x", c.endpointsFlag(nodes...), "--timeout=3s")
		require.NotZero(t, code, said)
		require.NotContains(t, said, "lifecycle/x Running")
	}

	c.start(1) // now two of three remember
	code, said = c.awaitExit(0)
	require.EqualValues(t, cli.Damaged, code, said)
	c.awaitReady(1)
	c.awaitReady(2)
	code, said = runCommand(t, "get", "lifecycle/x", c.endpointsFlag(2))
	require.Zero(t, code, said)
	require.Equal(t, "lifecycle/x Stopped v2\n", said)
	code, said = runCommand(t, "inspect", c.data(0))
	require.Zero(t, code, said)
	require.Contains(t, said, "Its members have found that this log has lost promises")
}

// A node that has lost its directory is not advised to restore an older copy. If
// that is done, no acknowledged transition is lost: no ballot has two values, and
// all nodes serve the acknowledged one.
func TestOlderCopyPutBackAfterALoss(t *testing.T) {
	skipIfShort(t)
	c := startProcesses(t, 3)
	coin := filepath.Join(c.dir, "coin.yaml")
	require.NoError(t, os.WriteFile(coin, []byte("name: coin\nstates: [air, heads, tails]\ninitial: air\ntransitions: [air -> heads, air -> tails]\n"), 0o600))
	code, said := runCommand(t, "define", coin, c.endpointsFlag(0))
	require.Zero(t, code, said)
	c.kill(1)
	c.backup(1, "backup")
	c.start(1)
	c.awaitOutput(2, `"introduced: boot 2"`, "peer=2")
	c.kill(2)
	c.awaitReady(1)
	code, said = runCommand(t, "propose", "coin/c", "heads", c.endpointsFlag(1))
	require.Zero(t, code, said)

	c.kill(1)
	c.restore(1, "")
	c.start(1)
	c.awaitOutput(1, "level=ERROR", "its directory was wiped or replaced")
	require.NotContains(t, c.running[1].output.String(), "restore")
	require.Contains(t, c.running[1].output.String(), "It cannot take part again with this directory: put a new node in its place, lockstep members replace 2 M=HOST:PORT. The others go on while a majority of them is up: keep theirs as they are")
	c.kill(0)
	c.kill(1)
	c.restore(1, "backup") // against the advice
	c.start(1)
	c.start(2)
	c.awaitOutput(1, "level=ERROR", "its directory is an older copy", "peer=3")
	for _, nodes := range [][]int{{1}, {2}} {
		code, said = runCommand(t, "propose", "coin/c", "tails", c.endpointsFlag(nodes...), "--timeout=3s")
		require.NotZero(t, code, said)
		code, said = runCommand(t, "get", "coin/c", c.endpointsFlag(nodes...), "--timeout=3s")
		require.NotZero(t, code, said)
	}

	c.start(0)
	code, said = c.awaitExit(1)
	require.EqualValues(t, cli.Damaged, code, said)
	for range 6 {
		for _, i := range []int{0, 2} {
			c.awaitReady(i)
			code, said = runCommand(t, "get", "coin/c", c.endpointsFlag(i))
			require.Zero(t, code, said)
			require.Equal(t, "coin/c heads v1\n", said)
		}
	}
}
