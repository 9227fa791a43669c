package node_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// extensionsIn counts the records of a node's log that say nothing without the ones before them.
func extensionsIn(t *testing.T, w *world, id int) (count int) {
	_, _, err := wal.Recover(w.hosts[id].disk, identityOf(t, w, id), wal.Options{Segment: 4 << 10}, func(entry []byte, _ wal.LSN) error {
		n, err := node.New(config(1, 3))
		require.NoError(t, err)
		if _, err = n.Step(0, node.Event{Kind: node.Boot, Dir: diskWith(entry), Incarnation: [16]byte{1}}); err != nil {
			require.ErrorIs(t, err, node.ErrRecord)
			count++
		}
		return nil
	})
	require.NoError(t, err)
	return count
}

func identityOf(t *testing.T, w *world, id int) wal.Identity {
	x, err := wal.Inspect(w.hosts[id].disk, func([]byte, wal.LSN) {})
	require.NoError(t, err)
	return x.Identity
}

// A log that is created has extensions, unless whole values are wanted. One of whole values has
// none, until it is raised. Whatever its form, the next life finds the same, and the
// same length of live records.
func TestFormsOfALog(t *testing.T) {
	states := []string{"Running", "Stopped", "Init"}
	for _, c := range []struct {
		first, later       wal.Form
		extends, extendsOn bool
	}{
		{wal.FormAuto, wal.FormAuto, true, true},
		{wal.FormAuto, wal.FormWhole, true, true},
		{wal.FormWhole, wal.FormAuto, false, false},
		{wal.FormWhole, wal.FormIncremental, false, true},
	} {
		t.Run(fmt.Sprint(c.first, " and then ", c.later), func(t *testing.T) {
			step := 0
			w := newWorld(3, func(cfg *node.Config) { cfg.DedupWindow, cfg.LogForm = 8, c.first })
			move := func() {
				for i := range 12 {
					w.request(1, &node.Request{Kind: node.Propose, ID: op.Stamp(key, uint64(step), fmt.Sprintf("c1.%d", step)), Key: key, To: states[i%3]})
					w.deliverAll()
					step++
				}
			}
			move()
			before := extensionsIn(t, w, 2)
			require.Equal(t, c.extends, before > 0)
			h := w.hosts[2]
			value, live := h.node.Inspect(key).Value, h.node.Use().Live
			h.crash()
			h.cfg.LogForm = c.later
			h.start()
			require.Equal(t, value.String(), h.node.Inspect(key).Value.String())
			require.Equal(t, live, h.node.Use().Live)
			move()
			require.Equal(t, c.extendsOn, extensionsIn(t, w, 2) > before)
			require.EqualValues(t, 24, h.node.Inspect(key).Value.Version)
		})
	}
}

// An inspection of a sound log reads all that a node would, also while files of trimmed segments
// are kept for reuse or wait to be removed: what they hold may be the base of nothing that follows.
func TestInspectionOfATrimmedLog(t *testing.T) {
	kept := 0
	for _, form := range []wal.Form{wal.FormAuto, wal.FormWhole} {
		w := newWorld(1, func(cfg *node.Config) { cfg.DedupWindow, cfg.Batch, cfg.LogForm, cfg.Segment = 6, 1, form, 2<<10 })
		h := w.hosts[1]
		for i := range 3000 {
			key := machineKey(i % 23)
			serial := uint64(i / 23)
			w.request(1, &node.Request{Kind: node.Propose, ID: op.Stamp(key, serial, fmt.Sprintf("c1.%d", i)), Key: key, To: []string{"Running", "Stopped", "Init"}[serial%3]})
			if i%10 != 0 {
				continue
			}
			x, err := node.InspectLog(h.disk)
			require.NoError(t, err)
			require.NoError(t, x.Refused)
			require.Empty(t, x.Unreadable)
			for _, f := range x.Segments {
				if f.HasHeader && !f.Needed {
					kept++
				}
			}
			for _, m := range x.Machines {
				require.Equal(t, h.node.Inspect(m.Key).Value.String(), m.Value.String())
				require.Equal(t, h.node.Inspect(m.Key).Accepted, m.Accepted)
			}
		}
		require.Equal(t, form == wal.FormAuto, h.node.Counters().Copied > 0, "whole records replace the ones before")
	}
	require.Positive(t, kept)
}

// Where the log is damaged, an inspection tells once of each machine that its base is lost, and
// shows at which ballot the node has accepted last, without a value that nobody had.
func TestInspectionOfALostBase(t *testing.T) {
	w := newWorld(1, func(cfg *node.Config) { cfg.DedupWindow = 16 })
	for i := range 9 {
		w.request(1, &node.Request{Kind: node.Propose, ID: op.Stamp(key, uint64(i), fmt.Sprintf("c1.%d", i)), Key: key, To: []string{"Running", "Stopped", "Init"}[i%3]})
	}
	h := w.hosts[1]
	accepted := h.node.Inspect(key).Accepted
	for lost := range 5 {
		damaged := 0
		d := waltest.Disk{}
		for name, data := range h.disk {
			d[name] = bytes.Clone(data)
		}
		for i, at := range recordsOf(t, d, key) {
			if i == lost {
				d["wal-0000000000000001"][at] ^= 1
				damaged++
			}
		}
		require.Equal(t, 1, damaged)
		x, err := node.InspectLog(d)
		require.NoError(t, err)
		require.Error(t, x.Refused)
		require.Len(t, x.Machines, 1)
		require.Equal(t, accepted, x.Machines[0].Accepted)
		if lost > 1 { // before it are the promise, and the full record
			require.Nil(t, x.Machines[0].Value)
			require.Len(t, x.Unreadable, 1)
			require.ErrorContains(t, x.Unreadable[0], "is lost")
		}
	}
}

// recordsOf returns the offsets of a machine's key in the first segment of a log.
func recordsOf(t *testing.T, d waltest.Disk, key string) (offsets []int) {
	data := d["wal-0000000000000001"]
	for from := 0; ; {
		i := bytes.Index(data[from:], []byte(key))
		if i < 0 {
			return offsets
		}
		offsets = append(offsets, from+i)
		from += i + 1
	}
}

// Where extensions have made values longer than their last full records, compaction begins the
// sooner: copies are longer than the records that they replace.
func TestLogOfGrownValuesKeepsItsBound(t *testing.T) {
	const machines, segment = 40, 256
	w := newWorld(1, func(cfg *node.Config) { cfg.DedupWindow, cfg.Batch, cfg.Segment = 16, 1, segment })
	h := w.hosts[1]
	var most uint64
	for i := range 40 * machines {
		key, serial := machineKey(i%machines), uint64(i/machines)
		before := h.node.Use().Appended
		w.request(1, &node.Request{
			Kind: node.Propose, ID: op.Stamp(key, serial, fmt.Sprintf("c1.%d%048d", i, 0)), Key: key, To: []string{"Running", "Stopped", "Init"}[serial%3],
		})
		u := h.node.Use()
		most = max(most, u.Live)
		require.LessOrEqual(t, u.LogLength, most*5/2+6*segment+3*(u.Appended-before))
	}
	require.EqualValues(t, 40, h.node.Inspect(machineKey(0)).Value.Version)
	require.Positive(t, h.node.Counters().Copied)
}
