package stream

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node/internal/frame"
)

// end is the part that both ends of a connection have in common: the bytes that came,
// and the ones to be sent.
type end struct {
	in    frame.Decoder
	names nameTable
	hello bool   // the other end has greeted
	err   error  // the end of the connection, for Receive
	out   []byte // not taken yet
}

func newEnd() end { return end{in: frame.Decoder{Limit: MaxFrame}} }

// Pending is the number of bytes that Take would return.
func (e *end) Pending() int { return len(e.out) }

// append adds to out the frame of a message, which encode appends. All messages are
// shorter than MaxFrame: their fields are bounded.
func (e *end) append(encode func(dst []byte) []byte) {
	start := len(e.out)
	e.out = encode(frame.Begin(e.out))
	if err := frame.End(e.out, start); err != nil {
		panic(fmt.Sprintf("broken invariant: stream: a message fits into a frame: %v", err))
	}
}

// next returns the type and the fields of the next message that is complete. The first
// must be a Hello, and no other may.
func (e *end) next(hello messageType) (t messageType, r fieldReader, ok bool, err error) {
	payload, ok, err := e.in.Next()
	if err != nil || !ok {
		return 0, r, false, err
	}
	t = messageType(payload[0])
	if (t == hello) == e.hello {
		return t, r, false, fmt.Errorf("message of type %d: the first one, and no other, is a Hello, of type %d: %w", t, hello, ErrProtocol)
	}
	e.hello = true
	return t, fieldReader{rest: payload[1:], names: &e.names}, true, nil
}
