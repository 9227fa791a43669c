package files_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/stretchr/testify/require"
)

func TestRememberAndRecall(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	_, err := d.Recall("peers.json")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, path)
	for _, want := range []string{"one", "", "three, which is longer"} {
		require.NoError(t, d.Remember("peers.json", []byte(want)))
		require.NoError(t, d.Close())
		d = open(t, path)
		got, err := d.Recall("peers.json")
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	require.NoFileExists(t, filepath.Join(path, "peers.json.tmp"))
}

func TestRememberRefusesTheNamesOfOtherFiles(t *testing.T) {
	d := open(t, t.TempDir())
	for _, name := range []string{"", ".", "..", ".hidden", "a/b", `a\b`, "../a", "wal-1", "LOCK", "a.tmp", "c:a"} {
		require.ErrorContains(t, d.Remember(name, nil), "not a name", name)
		_, err := d.Recall(name)
		require.ErrorContains(t, err, "not a name", name)
	}
}

func TestRememberFromManyPlaces(t *testing.T) {
	d := open(t, t.TempDir())
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() { require.NoError(t, d.Remember("a", sized(i))) })
	}
	all.Wait()
	got, err := d.Recall("a")
	require.NoError(t, err)
	sound(t, got)
}

func TestRememberFailsAndKeepsTheOld(t *testing.T) {
	d := open(t, t.TempDir())
	require.NoError(t, d.Remember("a", []byte("old")))
	require.NoError(t, os.Mkdir(filepath.Join(d.Path(), "a.tmp"), 0o700))
	err := d.Remember("a", []byte("new"))
	require.ErrorContains(t, err, "a.tmp")
	got, err := d.Recall("a")
	require.NoError(t, err)
	require.Equal(t, "old", string(got))
}

// sized is a content that tells whether it is whole.
func sized(n int) []byte {
	body := bytes.Repeat([]byte{byte('a' + n%26)}, n*7919%20000)
	return append(fmt.Appendf(nil, "%d\n", n), body...)
}

// sound checks that a content is whole, and returns its number.
func sound(t *testing.T, content []byte) int {
	t.Helper()
	head, _, _ := bytes.Cut(content, []byte("\n"))
	n, err := strconv.Atoi(string(head))
	require.NoError(t, err)
	require.True(t, bytes.Equal(sized(n), content), "content %d is not whole", n)
	return n
}

// rememberForever replaces a file by the next, and says when it is durable.
func rememberForever(dir string) error {
	d, err := files.Open(dir)
	if err != nil {
		return err
	}
	next := 0
	if old, err := d.Recall("count"); err == nil {
		_, _ = fmt.Sscanf(string(old), "%d\n", &next)
	}
	for {
		next++
		if err := d.Remember("count", sized(next)); err != nil {
			return err
		}
		fmt.Println(next)
	}
}

func TestRememberUnderKill(t *testing.T) {
	path := t.TempDir()
	said := 0
	for life := range 15 {
		c := spawn(t, "remember", path)
		require.True(t, c.lines.Scan())
		last, err := strconv.Atoi(c.lines.Text())
		require.NoError(t, err)
		time.Sleep(time.Duration(life*life*137) * time.Microsecond)
		if line := c.kill(t); line != "" {
			last, err = strconv.Atoi(line)
			require.NoError(t, err)
		}
		said = max(said, last)
		d := open(t, path)
		got, err := d.Recall("count")
		require.NoError(t, err)
		n := sound(t, got)
		require.True(t, n == said || n == said+1, "%d is there, %d was durable", n, said)
		said = n
		require.NoError(t, d.Close())
	}
}
