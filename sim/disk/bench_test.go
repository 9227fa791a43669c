package disk

import "testing"

// BenchmarkDisk measures the cost of one batch of a log, a write and a sync, from
// the request to its completion. The goal is no allocation but the copies of
// written data.
func BenchmarkDisk(b *testing.B) {
	d := Device{profile: Profile{}}
	w := Request{Op: Write, File: "wal-0000000000000001", Data: make([]byte, 100)}
	s := Request{Op: Sync, File: w.File}
	b.ReportAllocs()
	for i := range b.N {
		w.Offset = int64(i%100_000) * 100
		d.Submit(0, &w)
		d.Submit(0, &s)
		d.complete()
		d.complete()
	}
}
