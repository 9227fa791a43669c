// Package frame splits a stream of bytes into payloads, each with its length and
// checksum. It does no I/O and never blocks. Package wire, between nodes, and package
// stream, between clients and nodes, have it in common.
//
// A stream is a sequence of frames. Integers are little endian, as in the log.
//
//	0  bytes of payload, uint32, 1 to MaxSize
//	4  CRC32C of the payload, uint32
//	8  payload
//
// No frame is empty: otherwise a stream of zeros would be valid. The checksum detects
// every burst of damage of up to 32 bits in a payload, and other damage with
// probability 1-2^-32. A damaged length moves the end of the payload. It shows as a
// failed checksum, or as a frame that does not end, which only a deadline detects.
// After the first error the rest of the stream cannot be trusted, so errors of a
// Decoder are final.
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// MaxSize is the maximum length of a frame's payload, in bytes.
const MaxSize = 1 << 20

// HeaderSize is the number of bytes of a frame before its payload.
const HeaderSize = 8

// Errors about frames. A Decoder's are final.
var (
	ErrTooLong  = errors.New("frame too long: the other side speaks something else, or bytes were damaged")
	ErrEmpty    = errors.New("frame without payload: the other side speaks something else, or bytes were damaged")
	ErrChecksum = errors.New("frame fails its checksum: bytes were damaged on the way")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Append appends payload as a frame. With an error, ErrEmpty or one that wraps
// ErrTooLong, it returns dst unchanged.
func Append(dst, payload []byte) ([]byte, error) {
	if err := checkLength(uint64(len(payload)), MaxSize); err != nil {
		return dst, err
	}
	return append(appendHeader(dst, payload), payload...), nil
}

// Begin appends room for the header of a frame. After its payload is appended, too,
// End writes the header.
func Begin(dst []byte) []byte { return append(dst, make([]byte, HeaderSize)...) }

// End completes the frame that begins at b[start] and takes the rest of b. The errors
// are those of Append.
func End(b []byte, start int) error {
	payload := b[start+HeaderSize:]
	if err := checkLength(uint64(len(payload)), MaxSize); err != nil {
		return err
	}
	appendHeader(b[:start], payload)
	return nil
}

func appendHeader(dst, payload []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(payload, castagnoli))
}

func checkLength(n, most uint64) error {
	switch {
	case n == 0:
		return ErrEmpty
	case n > most:
		return fmt.Errorf("%d bytes, at most %d: %w", n, most, ErrTooLong)
	}
	return nil
}
