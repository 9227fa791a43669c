package node_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
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
