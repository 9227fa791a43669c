package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/lockstep-dst/lockstep/node"
)

// MaxFrame is the maximum length of a frame's payload, in bytes.
const MaxFrame = 1 << 20

const frameHeaderSize = 8

// Errors about frames. A Decoder's are final.
var (
	ErrTooLong  = errors.New("frame too long: the other side speaks something else, or bytes were damaged")
	ErrEmpty    = errors.New("frame without payload: the other side speaks something else, or bytes were damaged")
	ErrChecksum = errors.New("frame fails its checksum: bytes were damaged on the way")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendFrame appends payload as a frame. With an error, ErrEmpty or one that wraps
// ErrTooLong, it returns dst unchanged.
func AppendFrame(dst, payload []byte) ([]byte, error) {
	if err := checkLength(uint64(len(payload))); err != nil {
		return dst, err
	}
	dst = appendFrameHeader(dst, payload)
	return append(dst, payload...), nil
}

// AppendMessage appends m, encoded by c, as a frame. With an error it returns dst
// unchanged.
func AppendMessage(dst []byte, c Codec, m node.Message) ([]byte, error) {
	start := len(dst)
	out, err := c.Append(append(dst, make([]byte, frameHeaderSize)...), m)
	if err != nil {
		return dst, err
	}
	payload := out[start+frameHeaderSize:]
	if err := checkLength(uint64(len(payload))); err != nil {
		return dst, err
	}
	appendFrameHeader(out[:start], payload)
	return out, nil
}

func appendFrameHeader(dst, payload []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(payload, castagnoli))
}

func checkLength(n uint64) error {
	switch {
	case n == 0:
		return ErrEmpty
	case n > MaxFrame:
		return fmt.Errorf("%d bytes, at most %d: %w", n, MaxFrame, ErrTooLong)
	}
	return nil
}
