package filestest

import (
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// contract is the rules of a disk, each with its test.
var contract = []struct {
	name string
	test func(d *driver)
}{
	{"an empty disk lists nothing", func(d *driver) {
		d.requireFiles()
	}},
	{"completions come in order, one for each request", func(d *driver) {
		d.execute(create(file1))
		for i := range 200 {
			d.submit(text(file1, int64(i), "x"), sync(file1))
		}
		for want := d.token - 399; want <= d.token; want++ {
			token, err := d.Wait()
			require.NoError(d, err)
			require.Equal(d, want, token)
		}
		d.requireContent(file1, filled(200, 'x'))
	}},
	{"what is written is read", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "hello"))
		d.requireContent(file1, []byte("hello"))
	}},
	{"what is read stays as it was", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "hello"))
		read, err := d.Dir().Read(file1)
		require.NoError(d, err)
		d.execute(text(file1, 0, "world"))
		requireSame(d, []byte("hello"), read)
	}},
	{"a file that is not there cannot be read", func(d *driver) {
		_, err := d.Dir().Read(file1)
		require.ErrorContains(d, err, file1)
	}},
	{"what is synced survives", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "hello"), sync(file1), syncDir())
		for range 3 {
			d.Crash()
			d.requireFiles(file1)
			d.requireContent(file1, []byte("hello"))
		}
	}},
	{"the order of sync and syncdir does not matter", func(d *driver) {
		d.execute(create(file1), syncDir(), text(file1, 0, "hello"), sync(file1))
		d.Crash()
		d.requireContent(file1, []byte("hello"))
	}},
	{"a second sync covers what came after the first", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "one"), sync(file1), syncDir(), text(file1, 3, "two"), sync(file1))
		d.Crash()
		d.requireContent(file1, []byte("onetwo"))
	}},
	{"a write replaces what was there and no more", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "abcdefgh"), sync(file1), text(file1, 2, "XY"), sync(file1), syncDir())
		d.requireContent(file1, []byte("abXYefgh"))
		d.Crash()
		d.requireContent(file1, []byte("abXYefgh"))
	}},
	{"a write beyond the end leaves zeros before it", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "ab"), text(file1, 5000, "cd"), sync(file1), syncDir())
		want := []byte("ab" + zeros(4998) + "cd")
		d.requireContent(file1, want)
		d.Crash()
		d.requireContent(file1, want)
	}},
	{"truncate shortens", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "abcdefgh"), sync(file1), syncDir())
		d.execute(truncate(file1, 3), sync(file1))
		d.requireContent(file1, []byte("abc"))
		d.Crash()
		d.requireContent(file1, []byte("abc"))
	}},
	{"truncate lengthens with zeros, not with what was there", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "abcdefgh"), sync(file1), syncDir())
		d.execute(truncate(file1, 3), truncate(file1, 6), sync(file1))
		d.requireContent(file1, []byte("abc"+zeros(3)))
		d.Crash()
		d.requireContent(file1, []byte("abc"+zeros(3)))
	}},
	{"truncate to nothing leaves the file", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "abc"), truncate(file1, 0), sync(file1), syncDir())
		d.Crash()
		d.requireFiles(file1)
		d.requireContent(file1, nil)
	}},
	{"allocate lengthens with zeros", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "abc"), allocate(file1, 1<<20+5), sync(file1), syncDir())
		want := append([]byte("abc"), make([]byte, 1<<20+2)...)
		d.requireContent(file1, want)
		d.Crash()
		d.requireContent(file1, want)
	}},
	{"what is allocated can be written over", func(d *driver) {
		d.execute(create(file1), allocate(file1, 5000), sync(file1), syncDir(), text(file1, 4990, "abc"), sync(file1))
		d.Crash()
		d.requireContent(file1, []byte(zeros(4990)+"abc"+zeros(7)))
	}},
	{"remove takes a file away", func(d *driver) {
		d.execute(create(file1), create(file2), text(file1, 0, "abc"), sync(file1), syncDir(), remove(file1))
		d.requireFiles(file2)
		_, err := d.Dir().Read(file1)
		require.ErrorContains(d, err, file1)
	}},
	{"what is removed is gone for good after a syncdir", func(d *driver) {
		d.execute(create(file1), create(file2), text(file1, 0, "abc"), sync(file1), syncDir(), remove(file1), syncDir())
		d.Crash()
		d.requireFiles(file2)
	}},
	{"what is removed is back as it was, or gone, after a crash", func(d *driver) {
		d.execute(create(file1), create(file2), text(file1, 0, "abc"), sync(file1), syncDir(), remove(file1))
		d.Crash()
		names, err := d.Dir().List()
		require.NoError(d, err)
		if len(names) == 1 {
			d.requireFiles(file2)
			return
		}
		d.requireFiles(file1, file2)
		d.requireContent(file1, []byte("abc"))
		d.execute(remove(file1), syncDir())
		d.Crash()
		d.requireFiles(file2)
	}},
	{"a name can be used again", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "abc"), sync(file1), syncDir(), remove(file1), syncDir())
		d.execute(create(file1), text(file1, 1, "d"), sync(file1), syncDir())
		d.Crash()
		d.requireContent(file1, []byte("\x00d"))
	}},
	{"a file that is not there cannot be removed", func(d *driver) {
		d.requireFailure(remove(file1))
		d.requireFiles()
	}},
	{"rename gives a file another name", func(d *driver) {
		d.execute(create(file1), create(file2), text(file1, 0, "abc"), rename(file1, file3))
		d.requireFiles(file2, file3)
		d.requireContent(file3, []byte("abc"))
		_, err := d.Dir().Read(file1)
		require.ErrorContains(d, err, file1)
	}},
	{"what is renamed stays so after a syncdir", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "abc"), sync(file1), syncDir(), rename(file1, file2), syncDir())
		d.Crash()
		d.requireFiles(file2)
		d.requireContent(file2, []byte("abc"))
	}},
	{"what is renamed has one of its names after a crash, and all that was synced", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "abc"), sync(file1), syncDir())
		d.execute(rename(file1, file2), text(file2, 1, "X"), sync(file2))
		d.Crash()
		names, err := d.Dir().List()
		require.NoError(d, err)
		require.Len(d, names, 1)
		require.Contains(d, []string{file1, file2}, names[0])
		d.requireContent(names[0], []byte("aXc"))
	}},
	{"what was written before a rename is synced after it", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "abc"), rename(file1, file2), text(file2, 3, "def"), sync(file2), syncDir())
		d.Crash()
		d.requireFiles(file2)
		d.requireContent(file2, []byte("abcdef"))
	}},
	{"a file that is not there cannot be renamed", func(d *driver) {
		d.requireFailure(rename(file1, file2))
		d.requireFiles()
	}},
	{"create makes an empty file", func(d *driver) {
		d.execute(create(file1))
		d.requireFiles(file1)
		d.requireContent(file1, nil)
	}},
	{"create leaves alone what is there", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "abc"), create(file1), sync(file1), syncDir())
		d.requireContent(file1, []byte("abc"))
		d.Crash()
		d.execute(create(file1))
		d.requireContent(file1, []byte("abc"))
	}},
	{"an empty write changes nothing", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "abc"), write(file1, 1, nil), write(file1, 900, nil))
		d.requireContent(file1, []byte("abc"))
	}},
	{"a big write is written whole", func(d *driver) {
		big := filled(9<<20+123, 'b')
		d.execute(create(file1), write(file1, 77, big), sync(file1), syncDir())
		d.Crash()
		d.requireContent(file1, append(make([]byte, 77), big...))
	}},
	{"names are sorted, and the log's only", func(d *driver) {
		d.execute(create(file3), create(file1), create(file2), syncDir())
		d.requireFiles(file1, file2, file3)
		d.Crash()
		d.requireFiles(file1, file2, file3)
	}},
	{"files do not mix", func(d *driver) {
		d.execute(create(file1), create(file2), syncDir())
		d.execute(text(file1, 0, "one"), text(file2, 0, "two"), sync(file2), sync(file1))
		d.Crash()
		d.requireContent(file1, []byte("one"))
		d.requireContent(file2, []byte("two"))
	}},
	{"a file that is not there cannot be synced", func(d *driver) {
		d.requireFailure(sync(file1))
		d.requireFiles()
	}},
	{"a file that is not there cannot be truncated", func(d *driver) {
		d.requireFailure(truncate(file1, 0))
		d.requireFiles()
	}},
	{"after an error nothing succeeds, and nothing synced is lost", func(d *driver) {
		d.execute(create(file1), text(file1, 0, "abc"), sync(file1), syncDir())
		d.requireFailure(sync(file2))
		for _, r := range []wal.DiskRequest{text(file1, 3, "def"), sync(file1), create(file2), syncDir()} {
			d.requireFailure(r)
		}
		d.Crash()
		got, err := d.Dir().Read(file1)
		require.NoError(d, err)
		require.GreaterOrEqual(d, len(got), 3)
		requireSame(d, []byte("abc"), got[:3])
		d.execute(text(file1, 3, "ghi"), sync(file1)) // the next life is not affected
	}},
	{"a crash loses what is under way", func(d *driver) {
		d.execute(create(file1), syncDir())
		d.submit(text(file1, 0, "abc"), sync(file1), text(file1, 3, "def"), sync(file1))
		d.Crash()
		d.execute(truncate(file1, 0), text(file1, 0, "ghi"), sync(file1))
		d.requireContent(file1, []byte("ghi"))
	}},
	{"a crash gives back what was there before", func(d *driver) {
		d.execute(create(file1), syncDir(), write(file1, 0, filled(4096, 'a')), sync(file1))
		d.submit(write(file1, 1024, filled(1024, 'b')))
		d.Crash()
		got, err := d.Dir().Read(file1)
		require.NoError(d, err)
		requireSame(d, filled(1024, 'a'), got[:1024])
		requireSame(d, filled(2048, 'a'), got[2048:])
		for _, b := range got[1024:2048] {
			require.Contains(d, "ab", string(b), "bytes are old or new")
		}
	}},
}
