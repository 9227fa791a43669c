package wal_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var errDisk = errors.New("broken disk")

// node is one life in the property test: a log, and what of its requests is
// still to execute and to report.
type node struct {
	t         *rapid.T
	d         *disk
	log       *wal.Log
	boot      uint64
	believed  belief
	recovered int // entries found, not appended by this life
	ends      []wal.LSN
	issued    []wal.Request
	executed  []report
	failing   bool // a failure was reported or will be
}

type report struct {
	token uint64
	err   error
}

// Appends, takes, executions, reports, failures of the disk, kills of the
// process and power losses in any order, over several lives.
func TestWhatWasSaidIsFoundInEveryLaterLife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDisk(rapid.SampledFrom([]int{16, 64, 512}).Draw(t, "sector"))
		var b belief
		for life := range rapid.IntRange(1, 8).Draw(t, "lives") {
			log, was, err := wal.Recover(d, identityOf(life))
			require.NoError(t, err, "life %d", life)
			b, err = b.recovered(was)
			require.NoError(t, err, "life %d", life)
			n := &node{t: t, d: d, log: log, boot: was.Boot, believed: b, recovered: len(was.Entries)}
			n.live()
			b = n.believed
			if rapid.Bool().Draw(t, "power loss") {
				d = d.powerLoss(func(int) bool { return rapid.Bool().Draw(t, "survives") })
			}
		}
	})
}

func (n *node) live() {
	steps := []func(){n.append, n.take, n.execute, n.report, n.runDry}
	for range rapid.IntRange(0, 30).Draw(n.t, "steps") {
		rapid.SampledFrom(steps).Draw(n.t, "step")()
		n.check()
	}
}

func (n *node) append() {
	text := fmt.Sprintf("%d.%d.", n.boot, len(n.ends))
	text += strings.Repeat("x", rapid.SampledFrom([]int{1, 4, 50, 600}).Draw(n.t, "size"))
	n.believed.appended = append(n.believed.appended, text)
	n.ends = append(n.ends, n.log.Append([]byte(text)))
}

func (n *node) take() {
	pending := len(n.issued) + len(n.executed)
	n.issued = n.log.Take(n.issued)
	if grown := len(n.issued) + len(n.executed); pending > 0 || n.log.Failed() != nil {
		require.Equal(n.t, pending, grown, "requests while some are in flight or after a failure")
	}
}

func (n *node) execute() {
	if len(n.issued) == 0 {
		return
	}
	r := n.issued[0]
	n.issued = n.issued[1:]
	if rapid.IntRange(0, 19).Draw(n.t, "luck") != 19 {
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

func (n *node) report() {
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

// runDry goes on until there is nothing left to do.
func (n *node) runDry() {
	for n.take(); len(n.issued)+len(n.executed) > 0; n.take() {
		n.execute()
		n.report()
		n.check()
	}
}

// check takes the log at its word: what it calls durable must survive the loss
// of everything that was not synced.
func (n *node) check() {
	if n.log.Ready() {
		n.believed.boot = n.boot
		durable := func(end wal.LSN) bool { return end > n.log.Durable() }
		said := slices.IndexFunc(n.ends, durable)
		if said < 0 {
			said = len(n.ends)
		}
		n.believed.said = n.recovered + said
	}
	_, was, err := wal.Recover(n.d.powerLoss(func(int) bool { return false }), identity)
	require.NoError(n.t, err)
	_, err = n.believed.recovered(was)
	require.NoError(n.t, err)
}
