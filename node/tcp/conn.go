package tcp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// Sizes of buffers and frames, in bytes.
const (
	handshakeBuffer = 512      // until the handshake is done; also the longest frame then
	readBuffer      = 32 << 10 // after
	batchSize       = 64 << 10
	frameHeaderSize = 8
)

var (
	errClosed = net.ErrClosed
	errDead   = errors.New("nothing was received in time: the connection is dead")
)

// conn is a connection as a sequence of frames. One goroutine reads, one writes.
type conn struct {
	net.Conn          // raw, or TLS on it
	raw      net.Conn // constant
	owner    node.ID  // the member in the other side's certificate; 0: there is no TLS
	openedAt time.Time
	codec    wire.Codec // of its messages, after the handshake
	level    node.Level // agreed of its messages, if it was dialled, else the sender's; after the handshake
	life     uint64     // of its messages, if it was accepted; after the handshake
	decoder  wire.Decoder
	chunk    []byte
	maxFrame int

	closeOnce   sync.Once
	done        chan struct{} // closed by closeWith
	closeReason error         // valid after done
}

func newConn(nc net.Conn) *conn {
	if c, ok := nc.(*net.TCPConn); ok {
		_ = c.SetNoDelay(true) // fails only if the connection is dead
	}
	return &conn{Conn: nc, raw: nc, openedAt: time.Now(), chunk: make([]byte, handshakeBuffer), maxFrame: handshakeBuffer, done: make(chan struct{})}
}

// handshakeDone sets the buffer and frame sizes of a member's connection, without
// a deadline.
func (c *conn) handshakeDone() error {
	c.chunk, c.maxFrame = make([]byte, readBuffer), wire.MaxFrame
	return c.SetDeadline(time.Time{})
}

// closeWith closes the connection. The first reason is kept.
func (c *conn) closeWith(reason error) {
	c.closeOnce.Do(func() {
		c.closeReason = reason
		close(c.done)
		_ = c.raw.Close() // at once, and its error does not matter: TLS would first write to a peer that may be stuck
	})
}

// closed reports whether closeWith has been called.
func (c *conn) closed() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// readFrame returns the next payload, which is valid until the next call. The
// whole frame has to arrive within the limit; 0 is no limit.
func (c *conn) readFrame(limit time.Duration) ([]byte, error) {
	for first := true; ; first = false {
		payload, ok, err := c.decoder.Next()
		switch {
		case ok || err != nil:
			return payload, err
		case c.decoder.Buffered() > c.maxFrame+frameHeaderSize:
			return nil, fmt.Errorf("more than %d bytes: %w", c.maxFrame, wire.ErrTooLong)
		}
		if first && limit > 0 {
			if err := c.SetReadDeadline(time.Now().Add(limit)); err != nil {
				return nil, err
			}
		}
		n, err := c.Read(c.chunk)
		if first && c.codec == nil && beginsTLS(c.chunk[:n]) {
			return nil, ErrSpeaksTLS
		}
		c.decoder.Write(c.chunk[:n])
		if n == 0 && err != nil {
			return nil, err
		}
	}
}

// send writes all of b within the limit.
func (c *conn) send(b []byte, limit time.Duration) error {
	if err := c.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	_, err := c.Write(b)
	return err
}

var keepalive = must(wire.AppendFrame(nil, []byte{0}))

func isKeepalive(payload []byte) bool { return len(payload) == 1 && payload[0] == 0 }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// malformed reports whether an error means that the other side violated the
// protocol, and not that a connection broke.
func malformed(err error) bool {
	for _, kind := range []error{wire.ErrTooLong, wire.ErrEmpty, wire.ErrChecksum, wire.ErrMessage, wire.ErrHello, errBadVerdict} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// describeError gives errors of a connection clearer texts.
func describeError(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %w", errDead, err)
	case errors.Is(err, ErrTLS):
	case errors.Is(err, io.EOF):
		return errors.New("the other side has closed the connection")
	case isRemoteAlert(err):
		return describeTLS(err)
	}
	return err
}
