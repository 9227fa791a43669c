package wire

import (
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/frame"
)

// MaxFrame is the maximum length of a frame's payload, in bytes.
const MaxFrame = frame.MaxSize

// Errors about frames. A Decoder's are final.
var (
	ErrTooLong  = frame.ErrTooLong
	ErrEmpty    = frame.ErrEmpty
	ErrChecksum = frame.ErrChecksum
)

// Decoder splits a stream into the payloads of its frames.
type Decoder = frame.Decoder

// AppendFrame appends payload as a frame. With an error, ErrEmpty or one that wraps
// ErrTooLong, it returns dst unchanged.
func AppendFrame(dst, payload []byte) ([]byte, error) { return frame.Append(dst, payload) }

// AppendMessage appends m, encoded by c, as a frame. With an error it returns dst
// unchanged.
func AppendMessage(dst []byte, c Codec, m node.Message) ([]byte, error) {
	out, err := c.Append(frame.Begin(dst), m)
	if err == nil {
		err = frame.End(out, len(dst))
	}
	if err != nil {
		return dst, err
	}
	return out, nil
}
