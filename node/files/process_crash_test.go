package files_test

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// logForever appends numbered entries, continuing the log, and prints how many entries
// are durable.
func logForever(dir string) error {
	d, err := files.Open(dir)
	if err != nil {
		return err
	}
	n, err := boot(d, 4<<10)
	if err != nil {
		return err
	}
	for next := len(n.found); ; {
		for range 1 + next%5 {
			n.log.Append(entry(next))
			next++
		}
		if err := n.settle(); err != nil {
			return err
		}
		fmt.Println(next)
	}
}

func entry(n int) []byte { return fmt.Appendf(sized(n)[:0:0], "%d %s", n, sized(n%9)) }

func TestLogUnderKill(t *testing.T) {
	path := t.TempDir()
	promised := 0
	for life := range 15 {
		c := spawn(t, "log", path)
		if life%4 > 0 { // otherwise it is killed as it boots
			require.True(t, c.lines.Scan())
		}
		time.Sleep(time.Duration(life*life*137) * time.Microsecond)
		if line := c.kill(t); line != "" {
			n, err := strconv.Atoi(line)
			require.NoError(t, err)
			promised = n
		}
		d := open(t, path)
		found := 0
		_, _, err := wal.Recover(d, identity, wal.Options{Segment: 4 << 10}, func(e []byte, _ wal.LSN) error {
			require.Equal(t, string(entry(found)), string(e))
			found++
			return nil
		})
		require.NoError(t, err)
		require.GreaterOrEqual(t, found, promised, "durable entries are lost")
		require.NoError(t, d.Close())
	}
	require.Positive(t, promised)
}

// sized returns content of a length that depends on n.
func sized(n int) []byte {
	body := bytes.Repeat([]byte{byte('a' + n%26)}, n*7919%20000)
	return append(fmt.Appendf(nil, "%d\n", n), body...)
}
