package filestest

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// driver is a disk with helpers for the tests.
type driver struct {
	*testing.T
	Disk
	token uint64
}

// submit submits requests under fresh tokens and returns the last.
func (d *driver) submit(reqs ...wal.DiskRequest) uint64 {
	for _, r := range reqs {
		d.token++
		r.Token = d.token
		d.Submit(r)
	}
	return d.token
}

// execute submits requests and waits for all of them to succeed.
func (d *driver) execute(reqs ...wal.DiskRequest) {
	d.Helper()
	last := d.submit(reqs...)
	for i := range reqs {
		token, err := d.Wait()
		require.NoErrorf(d, err, "%v", reqs[i])
		require.Equal(d, last-uint64(len(reqs)-1-i), token, "completions are in order")
	}
}

// requireFailure submits a request and requires that it fails.
func (d *driver) requireFailure(r wal.DiskRequest) {
	d.Helper()
	want := d.submit(r)
	token, err := d.Wait()
	require.Equal(d, want, token)
	require.Errorf(d, err, "%v", r)
}

// requireContent checks the content of a file.
func (d *driver) requireContent(name string, want []byte) {
	d.Helper()
	got, err := d.Dir().Read(name)
	require.NoError(d, err)
	requireSame(d, want, got)
}

// requireSame is require.Equal without a dump of all bytes.
func requireSame(d *driver, want, got []byte) {
	d.Helper()
	require.Len(d, got, len(want))
	for i := range want {
		if got[i] != want[i] {
			require.FailNowf(d, "content differs", "byte %d of %d is %#x: want %#x", i, len(want), got[i], want[i])
		}
	}
}

// requireFiles checks the names of all files.
func (d *driver) requireFiles(want ...string) {
	d.Helper()
	got, err := d.Dir().List()
	require.NoError(d, err)
	require.Equal(d, append([]string{}, want...), append([]string{}, got...))
}

// Names of the files in the tests.
const (
	file1 = "wal-0000000000000001"
	file2 = "wal-0000000000000002"
	file3 = "wal-0000000000000010"
)

func create(file string) wal.DiskRequest { return wal.DiskRequest{Op: wal.Create, File: file} }
func sync(file string) wal.DiskRequest   { return wal.DiskRequest{Op: wal.Sync, File: file} }
func syncDir() wal.DiskRequest           { return wal.DiskRequest{Op: wal.SyncDir} }

func write(file string, offset int64, data []byte) wal.DiskRequest {
	return wal.DiskRequest{Op: wal.Write, File: file, Offset: offset, Data: data}
}

func truncate(file string, length int64) wal.DiskRequest {
	return wal.DiskRequest{Op: wal.Truncate, File: file, Offset: length}
}

func allocate(file string, length int64) wal.DiskRequest {
	return wal.DiskRequest{Op: wal.Allocate, File: file, Offset: length}
}

func remove(file string) wal.DiskRequest { return wal.DiskRequest{Op: wal.Remove, File: file} }

func rename(file, to string) wal.DiskRequest {
	return wal.DiskRequest{Op: wal.Rename, File: file, To: to}
}

// text writes a string.
func text(file string, offset int64, words string) wal.DiskRequest {
	return write(file, offset, []byte(words))
}

// zeros returns n zeros, the content of a hole.
func zeros(n int) string { return string(make([]byte, n)) }

// filled returns n bytes of one value.
func filled(n int, kind byte) []byte { return bytes.Repeat([]byte{kind}, n) }

// random is the source of choices of a random test.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 0))} }

// oneIn returns true with a probability of 1/n.
func (c random) oneIn(n int) bool { return c.IntN(n) == 0 }

// data returns up to most bytes, all of one value that is not zero.
func (c random) data(most int) []byte { return filled(c.IntN(most+1), byte(1+c.IntN(255))) }
