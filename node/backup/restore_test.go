package backup_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/backup"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/stretchr/testify/require"
)

func target(t *testing.T, id node.ID) backup.Target {
	return backup.Target{Cluster: "new", ID: id, Members: []node.ID{1, 2, 3}, Data: filepath.Join(t.TempDir(), "data")}
}

// The logs of all members hold the same machines, accepted at the same ballot, with serials
// above those of the old cluster. They differ in their identities.
func TestMembersAreRestoredAlike(t *testing.T) {
	var logs []*member.LogInspection
	var origins []*node.Origin
	for id := node.ID(1); id <= 3; id++ {
		to := target(t, id)
		s, err := backup.Restore(bytes.NewReader(write(t, machines(t))), to)
		require.NoError(t, err)
		require.EqualValues(t, 2, s.Machines)
		x, err := member.InspectLog(files.Reader(to.Data))
		require.NoError(t, err)
		require.NoError(t, x.Refused)
		require.Empty(t, x.Unreadable)
		require.Equal(t, member.Empty, x.Cluster.Stage)
		require.Equal(t, uint16(id), x.Identity.Node)
		o, err := node.OriginIn(x.LogInspection)
		require.NoError(t, err)
		logs, origins = append(logs, x), append(origins, o)
	}
	for _, i := range []int{1, 2} {
		require.Equal(t, logs[0].Machines, logs[i].Machines)
		require.Equal(t, origins[0], origins[i])
		require.NotEqual(t, logs[0].Identity.Incarnation, logs[i].Identity.Incarnation)
	}
	require.GreaterOrEqual(t, origins[0].FirstSerial, uint64(1)<<40)
	require.Len(t, logs[0].Machines, len(machines(t)))
	for i, m := range machines(t) {
		at := logs[0].Machines[i]
		require.Equal(t, m.key, at.Key)
		require.True(t, m.value.Recount(0, origins[0].FirstSerial).Equal(at.Value), m.key)
		require.Equal(t, node.Ballot{Epoch: 1, Round: 1, Node: 1, Boot: 1}, at.Accepted)
	}
}

// Origins differ in the backup, the name of the cluster, and its members.
func TestOrigins(t *testing.T) {
	origin := func(list []machine, change func(*backup.Target)) *node.Origin {
		to := target(t, 1)
		change(&to)
		_, err := backup.Restore(bytes.NewReader(write(t, list)), to)
		require.NoError(t, err)
		x, err := member.InspectLog(files.Reader(to.Data))
		require.NoError(t, err)
		o, err := node.OriginIn(x.LogInspection)
		require.NoError(t, err)
		return o
	}
	same := func(*backup.Target) {}
	first := origin(machines(t), same)
	require.Equal(t, first, origin(machines(t), same))
	require.Equal(t, first, origin(machines(t), func(t *backup.Target) { t.Members = []node.ID{3, 1, 2} }))
	require.NotEqual(t, first.ID, origin(machines(t)[:2], same).ID)
	require.NotEqual(t, first.ID, origin(machines(t), func(t *backup.Target) { t.Cluster = "newer" }).ID)
	require.NotEqual(t, first.ID, origin(machines(t), func(t *backup.Target) { t.Members = []node.ID{1, 2} }).ID)
}

// A restoration that fails leaves a directory that no node starts with, or nothing.
func TestRestorationsThatFail(t *testing.T) {
	good := write(t, machines(t))
	to := target(t, 1)
	to.Cluster = "prod"
	_, err := backup.Restore(bytes.NewReader(good), to)
	require.ErrorIs(t, err, backup.ErrSameCluster)
	for at := 20; at < len(good); at += 37 {
		to = target(t, 1)
		bad := bytes.Clone(good)
		bad[at] ^= 1
		_, err = backup.Restore(bytes.NewReader(bad), to)
		require.ErrorIs(t, err, backup.ErrDamaged)
		require.NoDirExists(t, to.Data)
	}
	to = target(t, 1)
	_, err = backup.Restore(&changing{first: good, second: write(t, machines(t)[:2])}, to)
	require.ErrorIs(t, err, backup.ErrDamaged, "it has changed between the check and the restoration")
	_, err = files.Open(to.Data)
	require.ErrorIs(t, err, files.ErrRestoring)
	_, err = backup.Restore(bytes.NewReader(good), to)
	require.ErrorIs(t, err, files.ErrRestoring)
}

// changing is a file that is another one after a Seek.
type changing struct {
	first, second []byte
	in            io.Reader
}

func (c *changing) Read(p []byte) (int, error) {
	if c.in == nil {
		c.in = bytes.NewReader(c.first)
	}
	return c.in.Read(p)
}

func (c *changing) Seek(int64, int) (int64, error) {
	c.in = bytes.NewReader(c.second)
	return 0, nil
}

// The directories that are restored make a backup with the same machines.
func TestBackupOfDirectories(t *testing.T) {
	to := target(t, 1)
	to.Members = []node.ID{1}
	_, err := backup.Restore(bytes.NewReader(write(t, machines(t))), to)
	require.NoError(t, err)
	_, err = backup.ReadDirectories([]string{to.Data}, taken)
	require.ErrorIs(t, err, backup.ErrDirectories)
	require.ErrorContains(t, err, "not formed")
}

// Neither writing, nor checking, nor restoring keeps the machines in memory.
func TestMemoryDoesNotGrowWithTheBackup(t *testing.T) {
	count := 20_000
	if os.Getenv("LOCKSTEP_LONG") != "" {
		count = 1_000_000
	}
	path := filepath.Join(t.TempDir(), "file")
	f, err := backup.Create(path, header())
	require.NoError(t, err)
	window := []node.Entry{}
	for i := range 15 {
		window = append(window, node.Entry{ID: node.OpID(fmt.Sprintf("%d@abcd0123456789abcdef", i)), To: []string{"Running", "Stopped", "Init"}[i%3]})
	}
	var most uint64
	heap := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range count {
		require.NoError(t, f.Add(fmt.Sprintf("lifecycle/%07d", i), &node.Value{Version: 15, Serial: 15, StateBefore: "Init", State: "Init", Window: window}))
		if i%5000 == 0 {
			heap()
		}
	}
	_, err = f.Commit()
	require.NoError(t, err)
	in, err := os.Open(path)
	require.NoError(t, err)
	defer in.Close()
	_, err = backup.Restore(&sampled{File: in, sample: heap}, target(t, 1))
	require.NoError(t, err)
	require.Less(t, most, before.HeapAlloc+64<<20)
	info, err := in.Stat()
	require.NoError(t, err)
	t.Logf("%d machines, %d MB, at most %d MB of memory", count, info.Size()>>20, most>>20)
}

// sampled calls sample with every 64th read.
type sampled struct {
	*os.File
	sample func()
	reads  int
}

func (s *sampled) Read(p []byte) (int, error) {
	if s.reads++; s.reads%64 == 0 {
		s.sample()
	}
	return s.File.Read(p)
}
