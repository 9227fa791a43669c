package server_test

import (
	"bytes"
	"encoding/binary"
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

func snapshot(t *testing.T, path string) (d directory) {
	eventually(t, "no file has another name meanwhile", func() bool {
		d = directory{}
		names, err := filepath.Glob(filepath.Join(path, "wal-*"))
		require.NoError(t, err)
		for _, name := range names {
			data, err := os.ReadFile(name)
			if errors.Is(err, os.ErrNotExist) {
				return false // a used segment becomes another
			}
			require.NoError(t, err)
			d[filepath.Base(name)] = data
		}
		again, err := filepath.Glob(filepath.Join(path, "wal-*"))
		require.NoError(t, err)
		return slices.Equal(names, again)
	})
	return d
}

// recordedDirectories runs a real node for three lives, with segments of a size. It returns its directory as
// it was after some of the transitions, after a process crash that follows the last
// transition, and after a clean stop; and the last version that was acknowledged to
// clients.
func recordedDirectories(t *testing.T, segment int) (before []directory, killed, stopped directory, told uint64) {
	c := newCluster(t, 1, func(cfg *server.Config) { cfg.Node.Segment = segment })
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

// withoutPower returns a directory of a killed process as a power loss may have left it:
// the slot of the mark that was written to after the last sync of the file is torn.
func withoutPower(killed directory) directory {
	const slot, at = 4096, 32
	d := maps.Clone(killed)
	mark := bytes.Clone(d["wal-mark"])
	unsynced := mark[:slot]
	if binary.LittleEndian.Uint64(mark[slot+at:]) > binary.LittleEndian.Uint64(mark[at:]) {
		unsynced = mark[slot:]
	}
	clear(unsynced)
	d["wal-mark"] = mark
	return d
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
		{"a bit near the end", func(d directory, file string, r *rand.Rand) {
			if end := len(bytes.TrimRight(d[file], "\x00")); end > 0 {
				d[file][end-1-r.IntN(min(end, 300))] ^= 1 << r.IntN(8)
			}
		}},
		{"a sector zeroed", func(d directory, file string, r *rand.Rand) {
			if n := len(d[file]) / 512; n > 0 {
				at := 512 * r.IntN(n)
				clear(d[file][at : at+512])
			}
		}},
		{"a sector duplicated", func(d directory, file string, r *rand.Rand) {
			if n := len(d[file]) / 512; n > 0 {
				from, to := 512*r.IntN(n), 512*r.IntN(n)
				copy(d[file][to:to+512], d[file][from:from+512])
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
func recoverNode(t *testing.T, c *server.Config, segment int, d directory) (version uint64, refused bool) {
	cfg := node.Defaults()
	cfg.ID, cfg.Members, cfg.Segment, cfg.Cluster = 1, []node.ID{1}, segment, server.ClusterID(c.Cluster)
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
// nothing is lost that was acknowledged to a client: also after a process crash, since
// the mark is written behind each batch. After a power loss the mark may be as it was at
// its last sync. Then damage that reaches from some place behind it to the end of the
// log, as that of the last batch, is a silent loss, which nothing on the disk could
// tell; it is counted. In files that were never reused, as in the large segment, no
// single bit that is turned is a loss, unless that leaves a byte zero.
func TestDamagedLogIsRefused(t *testing.T) {
	skipIfShort(t)
	variants := 2600
	if os.Getenv("LOCKSTEP_LONG") != "" {
		variants = 40_000
	}
	for _, segment := range []int{2048, 16 << 10} {
		before, killed, stopped, told := recordedDirectories(t, segment)
		for _, c := range []struct {
			name string
			d    directory
			may  uint64 // transitions that may be lost
		}{{"stopped cleanly", stopped, 0}, {"killed", killed, 0}, {"without power", withoutPower(killed), 15}} {
			e := damageExperiment{T: t, segment: segment, sound: c.d, told: told, may: c.may, outcomes: map[string]damageOutcomes{}}
			e.run(fmt.Sprintf("segments of %d, %s", segment, c.name), damages(before), variants)
		}
	}
}

// damageExperiment damages copies of a directory and counts what a node makes of them.
type damageExperiment struct {
	*testing.T
	segment   int
	sound     directory
	told, may uint64 // the version that clients were told of, and how many transitions may be lost
	outcomes  map[string]damageOutcomes
}

// damageOutcomes counts logs by their fate.
type damageOutcomes struct{ refused, whole, lost int }

func (e *damageExperiment) run(name string, all []damage, variants int) {
	e.Helper()
	cfg := &server.Config{Cluster: "test"}
	version, refused := recoverNode(e.T, cfg, e.segment, e.sound)
	require.False(e, refused)
	require.Equal(e, e.told, version)
	r := rand.New(rand.NewPCG(1, uint64(len(name))))
	lost := 0
	for i := range variants {
		how, d := all[i%len(all)], directory{}
		for name, data := range e.sound {
			d[name] = bytes.Clone(data)
		}
		names, _ := d.List()
		file := names[r.IntN(len(names))]
		how.do(d, file, r)
		count := e.outcomes[how.name]
		switch version, refused := recoverNode(e.T, cfg, e.segment, d); {
		case refused:
			count.refused++
		case version == e.told:
			count.whole++
		default:
			require.GreaterOrEqual(e, version+e.may, e.told, "%s, variant %d: %s of %s", name, i, how.name, file)
			if e.segment > 2048 && strings.HasPrefix(how.name, "a bit") {
				e.requireZeroed(d, file)
			}
			count.lost++
			lost++
		}
		e.outcomes[how.name] = count
	}
	e.Logf("%s: %d of %d variants are lost in silence; refused, whole and lost: %v", name, lost, variants, e.outcomes)
	for _, kind := range all {
		require.Positive(e, e.outcomes[kind.name].refused, "%s: %s was never refused", name, kind.name)
	}
}

// requireZeroed checks that the byte that was damaged is zero now, as a lost write would
// have left it.
func (e *damageExperiment) requireZeroed(d directory, file string) {
	for i, b := range d[file] {
		if b != e.sound[file][i] {
			require.Zero(e, b, "offset %d of %s", i, file)
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
