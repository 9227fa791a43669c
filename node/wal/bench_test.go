package wal_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// group appends n entries and executes their batch.
func group(log *wal.Log, reqs []wal.DiskRequest, entry []byte, n int) []wal.DiskRequest {
	for range n {
		log.Append(entry)
	}
	reqs = log.Take(reqs[:0])
	for _, r := range reqs {
		log.Done(r.Token, nil)
	}
	return reqs
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	log, _, _ := start(t, newDisk(512), wal.Options{Segment: 16 << 20})
	var reqs []wal.DiskRequest
	entry := make([]byte, 64)
	steady := func() { reqs = group(log, reqs, entry, 64) }
	steady()
	steady()
	require.Zero(t, testing.AllocsPerRun(100, steady))
}

// One operation appends, issues and completes one record of 64 bytes.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprintf("groups of %d", n), func(b *testing.B) {
			log, _, _ := start(b, newDisk(512), wal.Options{Segment: 16 << 20})
			var reqs []wal.DiskRequest
			entry := make([]byte, 64)
			b.ReportAllocs()
			b.SetBytes(64)
			for i := 0; i < b.N; i += n {
				reqs = group(log, reqs, entry, n)
			}
		})
	}
}

// One operation is the recovery of 100 000 entries of 64 bytes.
func BenchmarkRecover(b *testing.B) {
	d := newDisk(512)
	o := wal.Options{Segment: 1 << 20}
	log, _, _ := start(b, d, o)
	for i := range 100_000 {
		log.Append(bytes.Repeat([]byte{byte(i)}, 64))
		if i%64 == 0 {
			run(log, d)
		}
	}
	run(log, d)
	size := 0
	for _, data := range d.durable {
		size += len(data)
	}
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		n := 0
		_, _, err := wal.Recover(image{d}, identity, o, func([]byte, wal.LSN) error { n++; return nil })
		if err != nil || n != 100_000 {
			b.Fatal(n, err)
		}
	}
}

// image is a disk with files that are read without a copy.
type image struct{ *disk }

func (i image) Read(name string) ([]byte, error) { return i.durable[name], nil }

// One operation is the recovery of a log with reused segments, and entries in which
// every third byte could be the start of a long record. Recovery searches the bytes
// after the last record, most of a segment, for records.
func BenchmarkRecoverAmongWhatLooksLikeRecords(b *testing.B) {
	d := newDisk(4096)
	o := wal.Options{Segment: 2 << 20}
	log, _, _ := start(b, d, o)
	entry := bytes.Repeat([]byte{2, 0, 0}, 40<<10)
	for log.End() < 8*2<<20+1000 {
		log.Append(entry)
		log.Trim(log.End() - 1)
		run(log, d)
	}
	for b.Loop() {
		_, was, _, err := recoverWith(d, identity, o)
		require.NoError(b, err)
		require.Greater(b, was.TornBytes, 1<<20)
	}
}
