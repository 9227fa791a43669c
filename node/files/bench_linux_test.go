package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// The rate of the disk itself: one operation is a write and a sync. Appending
// makes the file longer each time, as the log does; 22000 bytes are what a group
// of 256 records is.
func BenchmarkDiskAlone(b *testing.B) {
	for _, c := range []struct {
		name        string
		size, apart int
	}{
		{"overwriting 512 bytes", 512, 0},
		{"appending 512 bytes", 512, 512},
		{"appending 22000 bytes", 22000, 22000},
	} {
		b.Run(c.name, func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
			require.NoError(b, err)
			defer f.Close()
			data := make([]byte, c.size)
			for i := 0; b.Loop(); i++ {
				_, err := f.WriteAt(data, int64(i*c.apart))
				require.NoError(b, err)
				require.NoError(b, syscall.Fdatasync(int(f.Fd())))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "syncs/s")
		})
	}
}

// The log on that disk: one operation is a group of records of 64 bytes in one
// batch, from Append to Durable, through a Runner.
func BenchmarkLog(b *testing.B) {
	for _, group := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("groups of %d", group), func(b *testing.B) {
			n, err := boot(open(b, b.TempDir()))
			require.NoError(b, err)
			defer n.runner.Close()
			entry := make([]byte, 64)
			b.ReportAllocs()
			for b.Loop() {
				for range group {
					n.log.Append(entry)
				}
				if err := n.settle(); err != nil {
					b.Fatal(err)
				}
			}
			s := b.Elapsed().Seconds()
			b.ReportMetric(float64(b.N)/s, "syncs/s")
			b.ReportMetric(float64(b.N*group)/s, "records/s")
		})
	}
}

// The log of records one by one without a Runner: the difference is what it
// costs to wake another goroutine and be woken by it.
func BenchmarkLogInPlace(b *testing.B) {
	d := open(b, b.TempDir())
	n, err := boot(d)
	require.NoError(b, err)
	n.runner.Close()
	entry := make([]byte, 64)
	for b.Loop() {
		n.log.Append(entry)
		n.reqs = n.log.Take(n.reqs[:0])
		for i := range n.reqs {
			n.log.Done(n.reqs[i].Token, d.Execute(&n.reqs[i]))
		}
	}
	require.NoError(b, n.log.Failed())
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "syncs/s")
}
