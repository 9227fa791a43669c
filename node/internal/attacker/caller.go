package attacker

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// Hello is the Hello of somebody who poses as a member of a cluster whose name it knows.
func Hello(cluster [16]byte, id node.ID, life uint64) wire.Hello {
	h := wire.Hello{Protocol: wire.Protocol, Oldest: wire.OldestProtocol, Cluster: cluster, Node: id, Life: life, Epoch: 1}
	h.OfferCodecs(wire.Binary{})
	return h
}

// Caller is a connection to a node's peers' port.
type Caller struct {
	conn    net.Conn
	decoder wire.Decoder
	timeout time.Duration
	// Learnt is the Hello of the node; nil: it has refused.
	Learnt *wire.Hello
	// Refusal is the payload of the node's refusal; nil: it has not refused.
	Refusal []byte
}

// Call dials a node, shows a Hello, and takes the node's answer. Each read and write may
// take as long as timeout. An error means that there was no answer.
func Call(address string, hello wire.Hello, timeout time.Duration) (*Caller, error) {
	conn, err := net.DialTimeout("tcp", address, timeout)
	if err != nil {
		return nil, err
	}
	c := &Caller{conn: conn, timeout: timeout}
	if err := c.introduce(hello); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *Caller) introduce(hello wire.Hello) error {
	if err := c.writeFrame(wire.AppendHello(nil, hello)); err != nil {
		return err
	}
	answer, err := c.readFrame()
	if err != nil {
		return err
	}
	if answer[0] == 2 {
		c.Refusal = answer
		return nil
	}
	learnt, err := wire.DecodeHello(answer)
	if err != nil {
		return err
	}
	c.Learnt = &learnt
	verdict, err := c.readFrame()
	if err != nil || verdict[0] != 1 {
		return fmt.Errorf("verdict %x: %w", verdict, errors.Join(err, errNoYes))
	}
	return c.writeFrame([]byte{1})
}

var errNoYes = errors.New("the node has not said yes")

// Send sends messages in the name of the Hello. It returns an error when the node has
// hung up.
func (c *Caller) Send(messages ...node.Message) error {
	var all []byte
	for _, m := range messages {
		out, err := wire.AppendMessage(all, wire.Binary{}, m)
		if err != nil {
			return err
		}
		all = out
	}
	return c.write(all)
}

// Close ends the connection, and leaves no port in TIME_WAIT.
func (c *Caller) Close() {
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.conn.Close()
}

func (c *Caller) writeFrame(payload []byte) error {
	frame, err := wire.AppendFrame(nil, payload)
	if err != nil {
		return err
	}
	return c.write(frame)
}

func (c *Caller) write(b []byte) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	_, err := c.conn.Write(b)
	return err
}

func (c *Caller) readFrame() ([]byte, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return nil, err
	}
	chunk := make([]byte, 512)
	for {
		payload, ok, err := c.decoder.Next()
		if ok || err != nil {
			return payload, err
		}
		n, err := c.conn.Read(chunk)
		c.decoder.Write(chunk[:n])
		if err != nil {
			return nil, err
		}
	}
}
