package tcp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// TLS has all connections between members be TLS. Each side shows a certificate, which
// names the member that the Hello has to be of.
type TLS struct {
	// Server and Client return the configuration of one more connection: one that a peer
	// has dialled, and one that this node dials. They let members of the cluster through,
	// and no others.
	Server, Client func() *tls.Config

	// Member returns the number of the member in the other side's certificate.
	Member func(tls.ConnectionState) (node.ID, error)
}

// Errors of TLS, which wrap the library's.
var (
	// ErrTLS: the two sides agree on no TLS connection. The library's reason follows.
	ErrTLS = errors.New("no TLS connection")
	// ErrSpeaksTLS: the other side speaks TLS and this node does not.
	ErrSpeaksTLS = errors.New("the other side speaks TLS, and this node does not: give both a certificate, or neither")
	// ErrPlain: this node speaks TLS, and the other side does not.
	ErrPlain = errors.New("the other side speaks no TLS, and this node does: give both a certificate, or neither")
	// ErrNotOwner: the Hello of the other side is not of the member in its certificate.
	ErrNotOwner = errors.New("the certificate is that of another node: give each node the certificate with its own number")
)

// drainTime and drainBytes bound the wait for a peer to read the reason of a failed
// handshake: to close a connection with bytes unread would reset it.
const (
	drainTime  = 250 * time.Millisecond
	drainBytes = 64 << 10
)

// alert is the record by which TLS says that the other side does not speak it.
var alert = []byte{recordAlert, 3, 3, 0, 2, 2, 10} // fatal, unexpected message: RFC 8446, 6.2

// Types of TLS records.
const (
	recordAlert     = 21
	recordHandshake = 22
)

// secureIncoming makes an accepted connection TLS. The deadline of the handshake is set.
func (t *Transport) secureIncoming(c *conn) error {
	if t.cfg.TLS == nil {
		return nil
	}
	err := t.secure(c, tls.Server(c.raw, t.cfg.TLS.Server()))
	if errors.Is(err, ErrPlain) {
		_, _ = c.raw.Write(alert) // a node without TLS recognizes it
	}
	if err != nil && !broken(err) {
		c.drain()
	}
	return err
}

// secureOutgoing makes a dialled connection TLS, to the node wanted. The deadline of the
// handshake is set.
func (t *Transport) secureOutgoing(c *conn, wanted node.ID) error {
	if t.cfg.TLS == nil {
		return nil
	}
	if err := t.secure(c, tls.Client(c.raw, t.cfg.TLS.Client())); err != nil {
		return err
	}
	return c.checkOwner(wanted)
}

// secure carries out the TLS handshake.
func (t *Transport) secure(c *conn, secured *tls.Conn) error {
	if err := secured.Handshake(); err != nil {
		return describeTLS(err)
	}
	owner, err := t.cfg.TLS.Member(secured.ConnectionState())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTLS, err)
	}
	c.Conn, c.owner = secured, owner
	return nil
}

// checkOwner returns an error if the member in the other side's certificate is not the
// one that it has to be. Without TLS any member may be it.
func (c *conn) checkOwner(member node.ID) error {
	if c.owner != 0 && c.owner != member {
		return fmt.Errorf("%w: certificate of node %d, want that of node %d: %w", ErrRefusing, c.owner, member, ErrNotOwner)
	}
	return nil
}

// drain tells the other side that nothing more comes, and waits a moment until it hangs
// up.
func (c *conn) drain() {
	if half, ok := c.raw.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // fails only if the connection is dead
	}
	_ = c.raw.SetReadDeadline(time.Now().Add(drainTime))
	_, _ = io.CopyN(io.Discard, c.raw, drainBytes)
}

// beginsTLS reports whether the first bytes of a connection are those of a TLS record. As
// the length of a frame they are more than a Hello has.
func beginsTLS(b []byte) bool {
	return len(b) >= 2 && (b[0] == recordAlert || b[0] == recordHandshake) && b[1] == 3
}

// describeTLS gives errors of a TLS handshake clearer texts. It wraps them and ErrTLS.
func describeTLS(err error) error {
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header):
		return fmt.Errorf("%w: %w: %w", ErrTLS, ErrPlain, err)
	case isRemoteAlert(err):
		return fmt.Errorf("%w: the other side ends it, and its log says why: %w", ErrTLS, err)
	case broken(err) && !errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: the other side has closed the connection; perhaps it speaks no TLS: %w", ErrTLS, err)
	}
	return fmt.Errorf("%w: %w", ErrTLS, err)
}

// isRemoteAlert reports whether an error of a TLS connection is an alert of the other
// side. A dialler learns only from its first read that its certificate is refused.
func isRemoteAlert(err error) bool {
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error"
}

// broken reports whether a handshake ended without a word of the other side.
func broken(err error) bool {
	for _, kind := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, net.ErrClosed, os.ErrDeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// insecure reports whether an attempt to connect ended because the two sides agree on no
// TLS connection.
func insecure(err error) bool {
	return errors.Is(err, ErrTLS) && !broken(err) || errors.Is(err, ErrSpeaksTLS)
}
