package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// directory is a snapshot of the log's files. It implements wal.Dir.
type directory map[string][]byte

func (d directory) List() ([]string, error) { return slices.Sorted(maps.Keys(d)), nil }

func (d directory) Read(name string) ([]byte, error) {
	data, found := d[name]
	if !found {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(data), nil
}

func snapshot(t *testing.T, path string) directory {
	d := directory{}
	names, err := filepath.Glob(filepath.Join(path, "wal-*"))
	require.NoError(t, err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		d[filepath.Base(name)] = data
	}
	return d
}

// recordedDirectories runs a real node for three lives. It returns its directory as
// it was after some of the transitions, after a process crash that follows the last
// transition, and after a clean stop; and the last version that was acknowledged to
// clients.
func recordedDirectories(t *testing.T) (before []directory, killed, stopped directory, told uint64) {
	c := newCluster(t, 1, func(cfg *server.Config) { cfg.Node.Segment = 2048 })
	path := c.configs[1].Data
	next := []string{"Running", "Stopped", "Init"}
	for life := range 3 {
		c.start(1)
		for range 15 {
			a := c.propose(1, "lifecycle/web", fmt.Sprintf(`{"to":%q}`, next[told%3]))
			require.Equal(t, http.StatusOK, a.Status)
			if told++; told%7 == 0 {
				before = append(before, snapshot(t, path))
			}
		}
		if life == 2 {
			killed = snapshot(t, path)
		}
		c.stop(1)
	}
	return before, killed, snapshot(t, path), told
}

// damage is one way to damage a directory.
type damage struct {
	name string
	do   func(d directory, file string, r *rand.Rand)
}

func damages(before []directory) []damage {
	return []damage{
		{"cut", func(d directory, file string, r *rand.Rand) { d[file] = d[file][:r.IntN(len(d[file])+1)] }},
		{"cut by little", func(d directory, file string, r *rand.Rand) {
			d[file] = d[file][:max(0, len(d[file])-1-r.IntN(800))]
		}},
		{"end zeroed", func(d directory, file string, r *rand.Rand) { clear(d[file][r.IntN(len(d[file])+1):]) }},
		{"part zeroed", func(d directory, file string, r *rand.Rand) {
			from := r.IntN(len(d[file]) + 1)
			clear(d[file][from:min(len(d[file]), from+r.IntN(513))])
		}},
		{"a bit", func(d directory, file string, r *rand.Rand) {
			if len(d[file]) > 0 {
				d[file][r.IntN(len(d[file]))] ^= 1 << r.IntN(8)
			}
		}},
		{"noise", func(d directory, file string, r *rand.Rand) {
			from := r.IntN(len(d[file]) + 1)
			for i := range d[file][from:min(len(d[file]), from+r.IntN(513))] {
				d[file][from+i] = byte(r.Uint32())
			}
		}},
		{"removed", func(d directory, file string, _ *rand.Rand) { delete(d, file) }},
		{"emptied", func(d directory, file string, _ *rand.Rand) { d[file] = nil }},
		{"swapped", func(d directory, file string, r *rand.Rand) {
			names, _ := d.List()
			other := names[r.IntN(len(names))]
			d[file], d[other] = d[other], d[file]
		}},
		{"an older copy", func(d directory, file string, r *rand.Rand) {
			if old, found := before[r.IntN(len(before))][file]; found {
				d[file] = bytes.Clone(old)
			}
		}},
	}
}

// recoverNode starts a node on a directory. It returns the version that the node
// holds, or reports that it refuses the log.
func recoverNode(t *testing.T, c *server.Config, d directory) (version uint64, refused bool) {
	cfg := node.Defaults()
	cfg.ID, cfg.Members, cfg.Segment, cfg.Cluster = 1, []node.ID{1}, 2048, server.ClusterID(c.Cluster)
	n, err := node.New(cfg)
	require.NoError(t, err)
	_, err = n.Step(0, node.Event{Kind: node.Boot, Dir: d, Incarnation: [16]byte{1}})
	if err != nil {
		require.True(t, errors.Is(err, wal.ErrDamaged) || errors.Is(err, wal.ErrMissing), "%v", err)
		require.NotContains(t, err.Error(), "new member")
		require.NotContains(t, err.Error(), "restore")
		return 0, true
	}
	if v := n.Inspect("lifecycle/web").Value; v != nil {
		version = v.Version
	}
	return version, false
}

// A real node's directory is damaged in many ways. The node refuses the log, or
// nothing is lost that was acknowledged to a client. After a process crash the
// high-water mark does not cover the last batch and up to 1 KiB before it, or an
// eighth of a segment, here 256 bytes: so the last two transitions may be lost.
func TestDamagedLogIsRefused(t *testing.T) {
	variants := 2000
	if os.Getenv("LOCKSTEP_LONG") != "" {
		variants = 40_000
	}
	before, killed, stopped, told := recordedDirectories(t)
	cfg := &server.Config{Cluster: "test"}
	for _, c := range []struct {
		name string
		d    directory
		may  uint64 // transitions that may be lost
	}{{"stopped cleanly", stopped, 0}, {"killed", killed, 2}} {
		version, refused := recoverNode(t, cfg, c.d)
		require.False(t, refused)
		require.Equal(t, told, version)
		r := rand.New(rand.NewPCG(1, uint64(len(c.name))))
		outcomes := map[string][2]int{} // by kind of damage: refused, accepted
		for i := range variants {
			all := damages(before)
			how := all[i%len(all)]
			d := directory{}
			for name, data := range c.d {
				d[name] = bytes.Clone(data)
			}
			names, _ := d.List()
			file := names[r.IntN(len(names))]
			how.do(d, file, r)
			version, refused := recoverNode(t, cfg, d)
			count := outcomes[how.name]
			if refused {
				count[0]++
			} else {
				count[1]++
				require.GreaterOrEqual(t, version+c.may, told, "%s, variant %d: %s of %s", c.name, i, how.name, file)
			}
			outcomes[how.name] = count
		}
		t.Logf("%s, %d variants, refused and gone on with: %v", c.name, variants, outcomes)
		for _, kind := range damages(before) {
			require.Positive(t, outcomes[kind.name][0], "%s: %s was never refused", c.name, kind.name)
		}
	}
}

// An idle node covers its last transition by a mark, too, though it is not stopped.
func TestIdleNodeSyncsMark(t *testing.T) {
	c := startCluster(t, 1)
	require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status)
	path := c.configs[1].Data
	eventually(t, "the mark covers the last record", func() bool {
		d := snapshot(t, path)
		for name, data := range d {
			if strings.HasSuffix(name, "1") {
				clear(data[108+42:]) // all records after that of the boot
			}
		}
		cfg := node.Defaults()
		cfg.ID, cfg.Members, cfg.Cluster = 1, []node.ID{1}, server.ClusterID("test")
		n, err := node.New(cfg)
		require.NoError(t, err)
		_, err = n.Step(time.Second, node.Event{Kind: node.Boot, Dir: d, Incarnation: [16]byte{1}})
		return errors.Is(err, wal.ErrDamaged)
	})
}

// Directories that were written by earlier versions of the server are accepted.
func TestDirectoriesOfEarlierVersions(t *testing.T) {
	for _, v := range []int{2, 3} {
		t.Run(fmt.Sprint("version ", v), func(t *testing.T) {
			c := newCluster(t, 1, func(cfg *server.Config) { cfg.Cluster, cfg.Node.Segment = "fixture", 2048 })
			path := c.configs[1].Data
			require.NoError(t, os.CopyFS(path, os.DirFS(fmt.Sprintf("../wal/testdata/version-%d", v))))
			for life := range uint64(2) {
				c.start(1)
				for m := range 3 {
					a := c.get(1, fmt.Sprintf("lifecycle/m%d", m))
					require.Equal(t, 30+life, a.Version)
				}
				for m := range 3 {
					to := []string{"Running", "Stopped"}[life]
					require.Equal(t, http.StatusOK, c.propose(1, fmt.Sprintf("lifecycle/m%d", m), fmt.Sprintf(`{"to":%q}`, to)).Status)
				}
				c.stop(1)
			}
			d := snapshot(t, path)
			require.Contains(t, d, "wal-mark")
		})
	}
}
