package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A copy has the durable content of the disk of a process that may be up. Once
// restored it is the whole content, and survives a power loss.
func TestACopyHasWhatWasDurable(t *testing.T) {
	var found []string
	w := worldOf(t, 1, func(ev *Event, out *Effects) {
		switch ev.Kind {
		case Boot:
			data, _ := ev.Disk.Read("f")
			found = append(found, string(data))
			if len(data) > 0 {
				return
			}
			out.Disk(DiskRequest{Op: DiskWrite, File: "f", Data: []byte("synced"), Token: 1})
			out.Disk(DiskRequest{Op: DiskSync, File: "f", Token: 2})
			out.Disk(DiskRequest{Op: DiskSyncDir, Token: 3})
			out.SetTimer(1, 2*sec)
		case Timer:
			out.Disk(DiskRequest{Op: DiskWrite, File: "f", Data: []byte("later!!"), Token: 4})
			out.Disk(DiskRequest{Op: DiskWrite, File: "g", Data: []byte("new"), Token: 5})
			out.SetTimer(2, 5*sec)
		}
	})
	var c DiskCopy
	at(w, 3*sec, func() { c = w.CopyDisk(1) })
	at(w, 4*sec, func() {
		require.Panics(t, func() { w.RestoreDisk(1, c) }, "it runs")
		w.LosePower(1)
		w.RestoreDisk(1, c)
		w.Start(1)
	})
	at(w, 5*sec, func() { w.LosePower(1); w.Start(1) })
	w.Run(10 * sec)
	require.Equal(t, []string{"", "synced", "synced"}, found)
	require.Len(t, c, 1, "g was never durable")
}
