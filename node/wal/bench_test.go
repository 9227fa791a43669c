package wal_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// group appends n entries and carries out the batch they make.
func group(log *wal.Log, reqs []wal.Request, entry []byte, n int) []wal.Request {
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
	log, _ := start(t, newDisk(512))
	var reqs []wal.Request
	entry := make([]byte, 64)
	steady := func() { reqs = group(log, reqs, entry, 64) }
	steady()
	steady()
	require.Zero(t, testing.AllocsPerRun(100, steady))
}

// One operation is one record of 64 bytes: appended, issued and done.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprintf("groups of %d", n), func(b *testing.B) {
			log, _ := start(b, newDisk(512))
			var reqs []wal.Request
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
	log, _ := start(b, d)
	for i := range 100_000 {
		log.Append(bytes.Repeat([]byte{byte(i)}, 64))
		if i%64 == 0 {
			run(log, d)
		}
	}
	run(log, d)
	data := d.durable[segment1]
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		_, was, err := wal.Recover(image(data), identity)
		if err != nil || len(was.Entries) != 100_000 {
			b.Fatal(len(was.Entries), err)
		}
	}
}

// image is a directory of one file that is read without a copy.
type image []byte

func (image) List() ([]string, error)       { return []string{segment1}, nil }
func (i image) Read(string) ([]byte, error) { return i, nil }
