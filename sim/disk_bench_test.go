package sim

import "testing"

// BenchmarkDisk measures the cost of one batch of a log, a write and a sync, from
// the request to its completion. The goal is no allocation but the copies of
// written data.
func BenchmarkDisk(b *testing.B) {
	d := disk{profile: DiskProfile{}}
	w := DiskRequest{Op: DiskWrite, File: "wal-0000000000000001", Data: make([]byte, 100)}
	s := DiskRequest{Op: DiskSync, File: w.File}
	b.ReportAllocs()
	for i := range b.N {
		w.Offset = int64(i%100_000) * 100
		d.submit(0, &w)
		d.submit(0, &s)
		d.complete()
		d.complete()
	}
}
