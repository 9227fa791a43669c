package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

const segmentSize = 16 << 20

// rawDisk is the disk without a log: a file that is prepared like a segment, and
// written from its beginning to its end, again and again.
type rawDisk struct {
	f  *os.File
	at int64
}

func newRaw(b *testing.B, size int64) *rawDisk {
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	require.NoError(b, err)
	b.Cleanup(func() { f.Close() })
	_, err = f.Write(make([]byte, size))
	require.NoError(b, err)
	require.NoError(b, f.Sync())
	return &rawDisk{f: f}
}

// write executes one write and one sync.
func (r *rawDisk) write(b *testing.B, data []byte, size int64) {
	if r.at+int64(len(data)) > size {
		r.at = 0
	}
	_, err := r.f.WriteAt(data, r.at)
	require.NoError(b, err)
	require.NoError(b, syscall.Fdatasync(int(r.f.Fd())))
	r.at += int64(len(data))
}

// The rate of the disk without a log. One operation is a write and a sync, over zeros
// that were written before. 20000 bytes is the size of a group of 256 records.
func BenchmarkDiskAlone(b *testing.B) {
	for _, size := range []int{512, 20000} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			r, data := newRaw(b, segmentSize), make([]byte, size)
			for b.Loop() {
				r.write(b, data, segmentSize)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "syncs/s")
		})
	}
}

// The log on that disk. One operation is a group of records of 64 bytes in one batch,
// from Append to Durable, through a Runner. A group of 256 is the load of 256 writers
// that each wait for their record. In between, the disk alone writes and syncs as many
// bytes, so that both are measured under the same conditions; share is the log's rate
// divided by the disk's. The log's time includes its other work: it rolls to new
// segments and trims old ones.
func BenchmarkGroupCommit(b *testing.B) {
	for _, group := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("groups of %d", group), func(b *testing.B) {
			n, err := boot(open(b, b.TempDir()), segmentSize)
			require.NoError(b, err)
			defer n.runner.Close()
			warm(b, n)
			entry := make([]byte, 64)
			for i := range entry {
				entry[i] = byte(i) + 1
			}
			r, data := newRaw(b, segmentSize), make([]byte, 77*group)
			var alone, log time.Duration
			const turn = 50
			b.ReportAllocs()
			for b.Loop() {
				begun := time.Now()
				for range turn {
					r.write(b, data, segmentSize)
				}
				alone += time.Since(begun)
				begun = time.Now()
				for range turn {
					for range group {
						n.log.Append(entry)
					}
					n.log.Trim(n.log.End() - 1)
					require.NoError(b, n.settle())
				}
				log += time.Since(begun)
			}
			syncs := float64(b.N * turn)
			b.ReportMetric(syncs/log.Seconds(), "syncs/s")
			b.ReportMetric(syncs/alone.Seconds(), "syncs/s-alone")
			b.ReportMetric(100*alone.Seconds()/log.Seconds(), "share-%")
			b.ReportMetric(syncs*float64(group)/log.Seconds(), "records/s")
		})
	}
}

// warm fills segments of a log until it reuses files. A new log fills its first
// segments with zeros, which costs the disk as much as the records.
func warm(b *testing.B, n *logDriver) {
	for range 4 * segmentSize / wal.MaxPayload {
		n.log.Append(make([]byte, wal.MaxPayload))
		n.log.Trim(n.log.End() - 1)
		require.NoError(b, n.settle())
	}
}

// The log with one record at a time and without a Runner. The difference is the cost
// of waking another goroutine and of being woken by it.
func BenchmarkLogInPlace(b *testing.B) {
	d := open(b, b.TempDir())
	n, err := boot(d, segmentSize)
	require.NoError(b, err)
	n.runner.Close()
	entry := make([]byte, 64)
	for b.Loop() {
		end := n.log.Append(entry)
		for n.log.Durable() < end {
			n.reqs = n.log.Take(n.reqs[:0])
			for i := range n.reqs {
				n.log.Done(n.reqs[i].Token, d.Execute(&n.reqs[i]))
			}
		}
	}
	require.NoError(b, n.log.Failed())
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "syncs/s")
}
