package history

import (
	"fmt"
	"io"
)

// sizeOf returns the number of bytes that r has yet to give; 0 if there is no telling.
func sizeOf(r io.Reader) (int64, error) {
	switch r := r.(type) {
	case interface{ Len() int }:
		return int64(r.Len()), nil
	case io.Seeker:
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil { // a pipe, for example
			return 0, nil
		}
		end, err := r.Seek(0, io.SeekEnd)
		if _, failure := r.Seek(at, io.SeekStart); failure != nil {
			return 0, fmt.Errorf("history: the file cannot be read twice: %w", failure)
		}
		if err != nil {
			return 0, nil
		}
		return end - at, nil
	}
	return 0, nil
}

// maxExpected bounds the room that is made for operations that are yet to be read.
const maxExpected = 1 << 22

// expected returns a guess of the number of operations, by the lines so far, in as many
// bytes in all.
func (l *lineReader) expected(size int64) int {
	n := size / max(1, l.bytes/int64(max(1, l.number)))
	return int(min(maxExpected, n+n/64))
}
