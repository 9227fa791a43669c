package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/backup"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/member"
)

// readBackup returns the values in the file of a backup, which must be sound.
func readBackup(t *testing.T, path string) map[string]*node.Value {
	in, err := os.Open(path)
	require.NoError(t, err)
	defer in.Close()
	b, err := backup.NewReader(in)
	require.NoError(t, err)
	values := map[string]*node.Value{}
	for {
		r, err := b.Next()
		if err == io.EOF {
			return values
		}
		require.NoError(t, err)
		values[r.Key] = r.Value
	}
}

// writers are clients that move machines on. Each machine has one writer.
type writers struct {
	answered []atomic.Uint64 // version of each machine that was answered last
	stop     context.CancelFunc
	all      sync.WaitGroup
}

func loadKey(i int) string { return fmt.Sprintf("lifecycle/load-%03d", i) }

// write moves machines on until stop is called.
func (c *processCluster) write(machines, clients int) *writers {
	ctx, stop := context.WithCancel(c.t.Context())
	w := &writers{answered: make([]atomic.Uint64, machines), stop: stop}
	states := fsm.Lifecycle().States
	for number := range clients {
		w.all.Go(func() {
			one, err := client.New(client.Config{Endpoints: c.endpoints})
			if err != nil {
				panic(err)
			}
			defer one.Close()
			for round := uint64(0); ctx.Err() == nil; round++ {
				for i := number; i < machines && ctx.Err() == nil; i += clients {
					v := w.answered[i].Load()
					if r, err := one.ProposeAt(ctx, loadKey(i), states[(v+1)%3], v); err == nil && r.Known {
						w.answered[i].Store(max(v, r.Version))
					}
				}
			}
		})
	}
	return w
}

// A backup that is made under load, while a node is killed, has of each machine a version
// between the one that was answered before and the one after. A cluster that is restored from
// it has exactly these, and serves.
func TestBackupUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("starts six processes")
	}
	const machines = 200
	c := startProcesses(t, 3)
	load := c.write(machines, 6)
	eventually(t, "all machines are there", func() bool {
		for i := range load.answered {
			if load.answered[i].Load() == 0 {
				return false
			}
		}
		return true
	})
	before, after := make([]uint64, machines), make([]uint64, machines)
	for i := range before {
		before[i] = load.answered[i].Load()
	}
	path := filepath.Join(c.dir, "file")
	go func() {
		time.Sleep(20 * time.Millisecond)
		_ = c.running[1].Process.Kill()
	}()
	code, said := runCommand(t, "backup", "-o", path, "--rate", "1000", c.endpointsFlag(0, 1, 2))
	require.Zero(t, code, said)
	load.stop()
	load.all.Wait()
	values := readBackup(t, path)
	require.Len(t, values, machines)
	moved := 0
	one, err := client.New(client.Config{Endpoints: c.endpoints})
	require.NoError(t, err)
	defer one.Close()
	for i := range machines {
		r, err := one.Get(t.Context(), loadKey(i))
		require.NoError(t, err)
		after[i] = r.Version
		v := values[loadKey(i)]
		require.GreaterOrEqual(t, v.Version, before[i], loadKey(i))
		require.LessOrEqual(t, v.Version, after[i], loadKey(i))
		if after[i] > before[i] {
			moved++
		}
	}
	require.Positive(t, moved, "there was load")

	restored := newProcesses(t, 3)
	restored.cluster = "restored"
	for i := range 3 {
		code, said = runCommand(t, "restore", path, "--cluster", "restored", "--id", strconv.Itoa(i+1), "--peers", restored.peers(3), "--data", restored.data(i))
		require.Zero(t, code, said)
	}
	for i := range 3 {
		restored.start(i)
	}
	for i := range 3 {
		restored.awaitReady(i)
	}
	now, err := client.New(client.Config{Endpoints: restored.endpoints})
	require.NoError(t, err)
	defer now.Close()
	for key, v := range values {
		r, err := now.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, v.Version, r.Version, key)
		require.Equal(t, v.State, r.State, key)
	}
	for i := range 20 {
		v := values[loadKey(i)].Version
		r, err := now.ProposeAt(t.Context(), loadKey(i), fsm.Lifecycle().States[(v+1)%3], v)
		require.NoError(t, err)
		require.Equal(t, node.Committed, r.Outcome, r.Text)
	}
}

// A restoration that is killed, kill -9, leaves a directory that a node refuses, nothing, or
// the whole log.
func TestKilledWhileRestoring(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	const machines = 60_000
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	name := node.ClusterID("old")
	f, err := backup.Create(path, backup.Header{Cluster: "old", ClusterName: fmt.Sprintf("%x", name), Source: backup.QuorumReads})
	require.NoError(t, err)
	for i := range machines {
		v := &node.Value{Version: 1, Serial: 1, StateBefore: "Init", State: "Running", Window: []node.Entry{{ID: node.OpID(fmt.Sprintf("0@abcd%020d", i)), To: "Running"}}}
		require.NoError(t, f.Add(fmt.Sprintf("lifecycle/%06d", i), v))
	}
	_, err = f.Commit()
	require.NoError(t, err)

	restore := func(data string, life time.Duration) (took time.Duration) {
		begin := time.Now()
		cmd := exec.Command("lockstep", "restore", path, "--cluster", "new", "--id", "1", "--peers", "1=127.0.0.1:1", "--data", data)
		require.NoError(t, cmd.Start())
		if life > 0 {
			time.AfterFunc(life, func() { _ = cmd.Process.Kill() })
		}
		_ = cmd.Wait() // killed, or not
		return time.Since(begin)
	}
	whole := restore(filepath.Join(dir, "whole"), 0)
	random, refused, complete := rand.New(rand.NewPCG(1, 2)), 0, 0
	for round := range 12 {
		data := filepath.Join(dir, strconv.Itoa(round))
		restore(data, whole/4+time.Duration(random.Int64N(int64(whole))))
		d, err := files.Open(data)
		if err != nil {
			require.ErrorIs(t, err, files.ErrRestoring)
			code, said := runCommand(t, "node", "--cluster", "new", "--id", "1", "--peers", "1=127.0.0.1:1", "--data", data)
			require.NotZero(t, code)
			require.Contains(t, said, "a restoration into this directory was interrupted")
			refused++
			continue
		}
		names, err := d.List()
		require.NoError(t, err)
		if len(names) > 0 {
			x, err := member.InspectLog(d)
			require.NoError(t, err)
			require.NoError(t, x.Refused)
			require.Len(t, x.Machines, machines)
			complete++
		}
		require.NoError(t, d.Close())
		require.NoError(t, os.RemoveAll(data))
	}
	t.Logf("refused %d, complete %d", refused, complete)
	require.Positive(t, refused)
}
