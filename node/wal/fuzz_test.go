package wal_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// Recovery does not panic on any content of a file. If it accepts the file, the next
// life finds the same, one boot later.
func FuzzRecover(f *testing.F) {
	f.Add([]byte{}, false)
	sound := written(f, [][]string{{"a", "bcd"}, {"e"}}, [][]string{{"f", "g", "h"}})
	for _, length := range []int{0, 10, 64, 72, 84, 90, 108, 129, 144, 194, len(sound)} {
		f.Add(sound[:length], false)
		f.Add(sound[min(headerSize, length):length], true)
	}
	f.Add([]byte("\x04\x02a\x05\x02b\x07\x01c"), true)
	f.Fuzz(func(t *testing.T, data []byte, forge bool) {
		if forge {
			data = forged(data)
		}
		d := diskWith(data)
		log, was, found, err := recoverWith(d, identity, oneSegment)
		if err != nil {
			return
		}
		if was.Fresh {
			was.Version = 5
		}
		run(log, d)
		require.True(t, log.Ready())
		_, again, same, err := recoverWith(d, identity, oneSegment)
		require.NoError(t, err)
		require.Equal(t, found, same)
		require.Equal(t, wal.Recovered{Identity: identity, Boot: was.Boot + 1, Version: max(4, was.Version), End: log.End(),
			BootStarts: append(was.BootStarts, wal.BootStart{Boot: was.Boot, At: was.End})}, again)
	})
}

// forged interprets bytes as a script for a log with a sound header: three bytes of
// it make a valid record, or a single byte of any value.
func forged(script []byte) []byte {
	data := forgeHeader(firstHeader)
	data = forgeRecord(data, identity, 0, 0, 1, bootText(1))
	for ; len(script) >= 3; script = script[3:] {
		back, kind, payload := uint32(script[0]), script[1], script[2]
		switch {
		case kind == 1:
			data = forgeRecord(data, identity, 0, back, kind, bootText(payload))
		case kind < 6:
			data = forgeRecord(data, identity, 0, back, kind, string(script[2:3]))
		default:
			data = append(data, payload)
		}
	}
	return data
}
