package backup_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/backup"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
)

var taken = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

func header() backup.Header {
	return backup.Header{Cluster: "prod", ClusterName: fmt.Sprintf("%x", node.ClusterID("prod")), Taken: taken, Source: backup.QuorumReads, Members: []uint16{1, 2, 3}}
}

func lamp() fsm.Definition {
	return fsm.Definition{Name: "lamp", States: []string{"off", "on"}, Initial: "off", Transitions: []fsm.Transition{{From: "off", To: "on"}, {From: "on", To: "off"}}}
}

func lampText(t testing.TB) string {
	d := lamp()
	text, err := d.Text()
	require.NoError(t, err)
	return text
}

// machine is a machine of a backup.
type machine struct {
	key   string
	value *node.Value
}

// moved returns the value of a machine after one transition from its initial state.
func moved(id, from, to string) *node.Value {
	return &node.Value{Version: 1, Serial: 1, StateBefore: from, State: to, Window: []node.Entry{{ID: node.OpID(id), To: to}}}
}

// machines is the content of a small cluster, in the order of a backup.
func machines(t testing.TB) []machine {
	return []machine{
		{"definition/lamp", moved("d", fsm.Undefined, lampText(t))},
		{"lamp/hall", moved("a", "off", "on")},
		{"lifecycle/x", &node.Value{Version: 9, Serial: 12, StateBefore: "Init", State: "Running", Window: []node.Entry{
			{ID: "5@abcdb", To: "Running"}, {ID: "c", To: "Running", Requested: "Init", Kind: node.EntryTombstone},
		}}},
	}
}

func write(t testing.TB, list []machine) []byte {
	var out bytes.Buffer
	w, err := backup.NewWriter(&out, header())
	require.NoError(t, err)
	for _, m := range list {
		require.NoError(t, w.Add(m.key, m.value))
	}
	_, err = w.Close()
	require.NoError(t, err)
	return out.Bytes()
}

func TestBackupIsReadAsWritten(t *testing.T) {
	b, err := backup.NewReader(bytes.NewReader(write(t, machines(t))))
	require.NoError(t, err)
	want := header()
	want.Format = backup.Format
	require.Equal(t, want, b.Header())
	for _, m := range machines(t) {
		r, err := b.Next()
		require.NoError(t, err)
		require.Equal(t, m.key, r.Key)
		require.True(t, m.value.Equal(r.Value), "%s: %v", m.key, r.Value)
		require.Equal(t, m.key == "definition/lamp", r.Definition != nil)
	}
	_, err = b.Next()
	require.Equal(t, io.EOF, err)
	require.EqualValues(t, 1, b.Summary().Definitions)
	require.EqualValues(t, 2, b.Summary().Machines)
	_, err = b.Next()
	require.Equal(t, io.EOF, err, "and it stays at its end")
}

// A file that was changed in any byte, cut anywhere, or has more behind its end is refused.
func TestDamageAnywhereIsFound(t *testing.T) {
	good := write(t, machines(t))
	_, _, err := backup.Check(bytes.NewReader(good))
	require.NoError(t, err)
	for i := range good {
		for _, flip := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			_, _, err := backup.Check(bytes.NewReader(bad))
			require.Error(t, err, "byte %d", i)
			if i >= 16 {
				require.ErrorIs(t, err, backup.ErrDamaged, "byte %d", i)
			}
		}
		_, _, err := backup.Check(bytes.NewReader(good[:i]))
		require.Error(t, err, "cut to %d bytes", i)
	}
	for _, more := range [][]byte{{0}, []byte("more"), good} {
		_, _, err := backup.Check(bytes.NewReader(append(bytes.Clone(good), more...)))
		require.ErrorIs(t, err, backup.ErrDamaged)
	}
}

// Records that are sound in themselves, but were left out, doubled or exchanged, are found
// by the digest.
func TestMissingRecordsAreFound(t *testing.T) {
	good := write(t, machines(t))
	frames := [][]byte{}
	for at := 16; at < len(good); {
		n := 8 + int(good[at]) + int(good[at+1])<<8
		frames = append(frames, good[at:at+n])
		at += n
	}
	require.Len(t, frames, 5)
	join := func(order ...int) []byte {
		b := bytes.Clone(good[:16])
		for _, i := range order {
			b = append(b, frames[i]...)
		}
		return b
	}
	_, _, err := backup.Check(bytes.NewReader(join(0, 1, 2, 3, 4)))
	require.NoError(t, err)
	for _, order := range [][]int{{0, 1, 2, 4}, {0, 1, 3, 4}, {0, 1, 3, 2, 4}, {0, 1, 2, 2, 3, 4}, {0, 2, 3, 4}, {0, 4}, {0, 1, 2, 3}, {1, 2, 3, 4}, {0, 0, 1, 2, 3, 4}, {0, 1, 2, 3, 4, 4}} {
		_, _, err := backup.Check(bytes.NewReader(join(order...)))
		require.Error(t, err, order)
	}
}

func TestFilesThatAreNoBackup(t *testing.T) {
	for _, text := range []string{"", "x", "lockstep-backup", "#!/bin/sh\nexit 0\n########", "lockstep-backup\n"} {
		_, _, err := backup.Check(bytes.NewReader([]byte(text)))
		require.Error(t, err, text)
	}
}

// A writer refuses values that no cluster can hold, and records that a reader would refuse.
func TestContentIsChecked(t *testing.T) {
	for name, list := range map[string][]machine{
		"a definition that is not there":  {{"lamp/hall", moved("a", "off", "on")}},
		"the definition after it":         {{"lamp/hall", moved("a", "off", "on")}, {"definition/lamp", moved("d", fsm.Undefined, lampText(t))}},
		"a definition twice":              {machines(t)[0], machines(t)[0]},
		"a definition under another name": {{"definition/tree", moved("d", fsm.Undefined, lampText(t))}},
		"not the order of keys":           {{"lifecycle/b", moved("a", "Init", "Running")}, {"lifecycle/a", moved("a", "Init", "Running")}},
		"a machine twice":                 {{"lifecycle/b", moved("a", "Init", "Running")}, {"lifecycle/b", moved("a", "Init", "Running")}},
		"an illegal transition":           {{"lifecycle/b", moved("a", "Init", "Stopped")}},
		"no entry":                        {{"lifecycle/b", &node.Value{StateBefore: "Init", State: "Init"}}},
		"no key":                          {{"lifecycle", moved("a", "Init", "Running")}},
		"no definition":                   {{"definition/lamp", moved("d", fsm.Undefined, "{}")}},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := backup.NewWriter(io.Discard, header())
			require.NoError(t, err)
			for i := 0; i < len(list) && err == nil; i++ {
				err = w.Add(list[i].key, list[i].value)
			}
			require.ErrorIs(t, err, backup.ErrContent)
		})
	}
}

// The file has its name only when it is complete.
func TestFileIsThereCompletelyOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	names := func() (list []string) {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			list = append(list, e.Name())
		}
		return list
	}
	path := filepath.Join(dir, "a.backup")
	f, err := backup.Create(path, header())
	require.NoError(t, err)
	require.NoError(t, f.Add("lifecycle/b", moved("a", "Init", "Running")))
	require.False(t, slices.Contains(names(), "a.backup"))
	s, err := f.Commit()
	require.NoError(t, err)
	require.Equal(t, []string{"a.backup"}, names())
	in, err := os.Open(path)
	require.NoError(t, err)
	_, found, err := backup.Check(in)
	require.NoError(t, err)
	require.NoError(t, in.Close())
	require.Equal(t, s, found)

	_, err = backup.Create(path, header())
	require.ErrorIs(t, err, backup.ErrExists)
	f, err = backup.Create(path+"2", header())
	require.NoError(t, err)
	f.Abort()
	require.Equal(t, []string{"a.backup"}, names())
}

func FuzzReader(f *testing.F) {
	f.Add(write(f, machines(f)))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := backup.NewReader(bytes.NewReader(data))
		for err == nil {
			_, err = b.Next()
		}
		require.Error(t, err)
	})
}
