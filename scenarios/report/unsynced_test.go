package report

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
)

// A power loss may undo what no sync has made durable: neither the changes that are done, nor
// those under way. Equal ones are one line.
func TestWhatAPowerLossMayUndo(t *testing.T) {
	u, token := unsynced{}, uint64(0)
	ask := func(op, file string) {
		token++
		u.ask(1, diskRequest{token, op, file, op + " " + file})
	}
	ask("write", "log")
	ask("write", "mark")
	ask("sync", "log") // 3
	ask("write", "mark")
	ask("rename", "old")
	u.end(1, 5, false) // those before it were quiet
	ask("write", "log")
	ask("sync", "mark")
	require.Empty(t, u.endLife(2, true), "another process")
	require.Equal(t, []string{"write mark, done, 2 times", "rename old, done", "write log, under way"}, u.endLife(1, true))
	require.Empty(t, u.endLife(1, true), "they are gone")
}

// A sync that fails makes nothing durable, and a process that ends with its power on leaves its changes.
func TestWhatIsLeftUnsynced(t *testing.T) {
	u := unsynced{}
	u.ask(1, diskRequest{1, "write", "log", "write log"})
	u.ask(1, diskRequest{2, "sync", "log", "sync log"})
	u.end(1, 2, true)
	require.Empty(t, u.endLife(1, false))
	u.ask(1, diskRequest{3, "syncdir", "", "syncdir"})
	u.end(1, 3, false)
	require.Equal(t, []string{"write log, done"}, u.endLife(1, true))
}

// A node that lost its promises, or stopped, may have lost them at its last power loss.
func TestAPowerLossIsACause(t *testing.T) {
	r := explained(Violation{Property: "availability", Sentence: "Node 1 stopped"})
	r.Marks = []Mark{
		{Event: 1, Lane: 1, Kind: "unsynced", Text: "write old, done"}, // of a power loss before
		{Event: 3, Lane: 1, Kind: "unsynced", Text: "write log, done"}, {Event: 3, Lane: 1, Kind: "unsynced", Text: "write mark, under way"},
		{Event: 4, Lane: 2, Kind: "unsynced", Text: "write log, done"}, // of another node
	}
	r.explain(scenarios.Expectation{})
	require.Equal(t, []Cause{{Event: new(3), Lane: 1, Text: "lost power without a sync of: write log, done; write mark, under way"}}, r.Violation.Causes)
}
