package report

import (
	"testing"

	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

// A power loss may undo what no sync has made durable: neither the changes that are done, nor
// those under way. Equal ones are one line.
func TestWhatAPowerLossMayUndo(t *testing.T) {
	u, token := unsynced{}, uint64(0)
	ask := func(op disk.Op, file string) {
		token++
		u.ask(1, &disk.Request{Op: op, File: file, Token: token}, op.String()+" "+file)
	}
	ask(disk.Write, "log")
	ask(disk.Write, "mark")
	ask(disk.Sync, "log") // 3
	ask(disk.Write, "mark")
	ask(disk.Rename, "old")
	u.end(1, 5, false) // those before it were quiet
	ask(disk.Write, "log")
	ask(disk.Sync, "mark")
	require.Empty(t, u.endLife(2, true), "another process")
	require.Equal(t, []string{"write mark, done, 2 times", "rename old, done", "write log, under way"}, u.endLife(1, true))
	require.Empty(t, u.endLife(1, true), "they are gone")
}

// A sync that fails makes nothing durable, and a process that ends with its power on leaves its changes.
func TestWhatIsLeftUnsynced(t *testing.T) {
	u := unsynced{}
	u.ask(1, &disk.Request{Op: disk.Write, File: "log", Token: 1}, "write log")
	u.ask(1, &disk.Request{Op: disk.Sync, File: "log", Token: 2}, "sync log")
	u.end(1, 2, true)
	require.Empty(t, u.endLife(1, false))
	u.ask(1, &disk.Request{Op: disk.SyncDir, Token: 3}, "syncdir")
	u.end(1, 3, false)
	require.Equal(t, []string{"write log, done"}, u.endLife(1, true))
}
