package wal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var errDisk = errors.New("broken disk")

// logDriver is one life in the property test: a log, and its requests that are still
// to be executed and reported.
type logDriver struct {
	t        *rapid.T
	d        *disk
	log      *wal.Log
	options  wal.Options
	boot     uint64
	model    model
	issued   []wal.DiskRequest
	executed []report
	failing  bool // a failure was reported or is to be
}

type report struct {
	token uint64
	err   error
}

// Appends, trims, syncs of the mark, takes, executions, reports, disk failures, process
// crashes and power losses in any order, over several lives.
func TestAcknowledgedEntriesSurviveAllLives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDisk(rapid.SampledFrom([]int{16, 64, 512}).Draw(t, "sector"))
		var b model
		for life := range rapid.IntRange(1, 8).Draw(t, "lives") {
			o := wal.Options{Segment: rapid.SampledFrom([]int{128, 160, 300, 1000, 4096}).Draw(t, "segment")}
			log, was, found, err := recoverWith(d, identityOf(life), o)
			require.NoError(t, err, "life %d", life)
			b, err = b.recovered(was, found)
			require.NoError(t, err, "life %d", life)
			n := &logDriver{t: t, d: d, log: log, options: o, boot: was.Boot, model: b}
			n.run()
			b = n.model
			if rapid.Bool().Draw(t, "power loss") {
				d = d.powerLoss(func(int) bool { return rapid.Bool().Draw(t, "survives") })
			}
		}
	})
}

func (n *logDriver) run() {
	steps := []func(){n.append, n.trim, n.syncMark, n.take, n.execute, n.report, n.runDry, n.runDry}
	for range rapid.IntRange(0, 30).Draw(n.t, "steps") {
		rapid.SampledFrom(steps).Draw(n.t, "step")()
		n.check()
	}
}

func (n *logDriver) append() {
	text := fmt.Sprintf("%d.%d.", n.boot, len(n.model.appended))
	text += strings.Repeat("x", rapid.SampledFrom([]int{1, 4, 50, 600}).Draw(n.t, "size"))
	n.model.append(n.log, text)
}

func (n *logDriver) trim() {
	if len(n.model.appended) > 0 {
		n.model.trimAllBut(n.log, rapid.IntRange(1, 5).Draw(n.t, "keep"))
	}
}

func (n *logDriver) syncMark() { n.log.SyncMark() }

func (n *logDriver) take() {
	pending := len(n.issued) + len(n.executed)
	n.issued = n.log.Take(n.issued)
	if grown := len(n.issued) + len(n.executed); pending > 0 || n.log.Failed() != nil {
		require.Equal(n.t, pending, grown, "requests while some are in flight or after a failure")
	}
}

func (n *logDriver) execute() {
	if len(n.issued) == 0 {
		return
	}
	r := n.issued[0]
	n.issued = n.issued[1:]
	if rapid.IntRange(0, 39).Draw(n.t, "luck") != 39 {
		n.d.execute(r)
		n.executed = append(n.executed, report{r.Token, nil})
		return
	}
	if r.Op == wal.Sync {
		n.d.failSync(r, func() bool { return rapid.Bool().Draw(n.t, "is durable") })
	}
	n.executed = append(n.executed, report{r.Token, errDisk})
	n.issued, n.failing = nil, true
}

func (n *logDriver) report() {
	if len(n.executed) == 0 {
		return
	}
	before := n.log.Durable()
	n.log.Done(n.executed[0].token, n.executed[0].err)
	n.executed = n.executed[1:]
	require.GreaterOrEqual(n.t, n.log.Durable(), before)
	if n.failing && len(n.executed) == 0 {
		require.ErrorIs(n.t, n.log.Failed(), errDisk)
		require.Equal(n.t, before, n.log.Durable())
	}
}

// runDry executes and reports requests until there are none.
func (n *logDriver) runDry() {
	for n.take(); len(n.issued)+len(n.executed) > 0; n.take() {
		n.execute()
		n.report()
		n.check()
	}
}

// check requires that everything up to Durable survives the loss of all unsynced
// changes.
func (n *logDriver) check() {
	n.model.acknowledge(n.log, n.boot)
	_, was, found, err := recoverWith(n.d.powerLoss(func(int) bool { return false }), identity, n.options)
	require.NoError(n.t, err)
	_, err = n.model.recovered(was, found)
	require.NoError(n.t, err)
}
