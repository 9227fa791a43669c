package filestest

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// driver is a disk with what the tests do to it.
type driver struct {
	*testing.T
	Disk
	token uint64
}

// ask submits requests under fresh tokens and returns the last.
func (d *driver) ask(reqs ...wal.Request) uint64 {
	for _, r := range reqs {
		d.token++
		r.Token = d.token
		d.Submit(r)
	}
	return d.token
}

// do has requests executed, all without error.
func (d *driver) do(reqs ...wal.Request) {
	d.Helper()
	last := d.ask(reqs...)
	for i := range reqs {
		token, err := d.Wait()
		require.NoErrorf(d, err, "%v", reqs[i])
		require.Equal(d, last-uint64(len(reqs)-1-i), token, "completions are in order")
	}
}

// fails has a request fail.
func (d *driver) fails(r wal.Request) {
	d.Helper()
	want := d.ask(r)
	token, err := d.Wait()
	require.Equal(d, want, token)
	require.Errorf(d, err, "%v", r)
}

// holds checks the content of a file.
func (d *driver) holds(name string, want []byte) {
	d.Helper()
	got, err := d.Dir().Read(name)
	require.NoError(d, err)
	same(d, want, got)
}

// same is require.Equal without a page of bytes.
func same(d *driver, want, got []byte) {
	d.Helper()
	require.Len(d, got, len(want))
	for i := range want {
		if got[i] != want[i] {
			require.FailNowf(d, "content differs", "byte %d of %d is %#x: want %#x", i, len(want), got[i], want[i])
		}
	}
}

// lists checks the names of all files.
func (d *driver) lists(want ...string) {
	d.Helper()
	got, err := d.Dir().List()
	require.NoError(d, err)
	require.Equal(d, append([]string{}, want...), append([]string{}, got...))
}

// The files of the tests.
const (
	file1 = "wal-0000000000000001"
	file2 = "wal-0000000000000002"
	file3 = "wal-0000000000000010"
)

func create(file string) wal.Request { return wal.Request{Op: wal.Create, File: file} }
func sync(file string) wal.Request   { return wal.Request{Op: wal.Sync, File: file} }
func syncDir() wal.Request           { return wal.Request{Op: wal.SyncDir} }

func write(file string, offset int64, data []byte) wal.Request {
	return wal.Request{Op: wal.Write, File: file, Offset: offset, Data: data}
}

func truncate(file string, length int64) wal.Request {
	return wal.Request{Op: wal.Truncate, File: file, Offset: length}
}

func allocate(file string, length int64) wal.Request {
	return wal.Request{Op: wal.Allocate, File: file, Offset: length}
}

func remove(file string) wal.Request { return wal.Request{Op: wal.Remove, File: file} }

func rename(file, to string) wal.Request { return wal.Request{Op: wal.Rename, File: file, To: to} }

// text is a write of words.
func text(file string, offset int64, words string) wal.Request {
	return write(file, offset, []byte(words))
}

// zeros is what a hole reads as.
func zeros(n int) string { return string(make([]byte, n)) }

// filled is n bytes of a kind.
func filled(n int, kind byte) []byte { return bytes.Repeat([]byte{kind}, n) }

// chance makes the choices of a random test.
type chance struct{ *rand.Rand }

func newChance(seed uint64) chance { return chance{rand.New(rand.NewPCG(seed, 0))} }

// oneIn is true once in n times.
func (c chance) oneIn(n int) bool { return c.IntN(n) == 0 }

// data is up to most bytes, none of them zero.
func (c chance) data(most int) []byte { return filled(c.IntN(most+1), byte(1+c.IntN(255))) }
