package bubble_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/bubble"
)

// accept is the code of a host that hands each stream to port 7 to handle.
func accept(handle func(c net.Conn) error) bubble.Main {
	return func(ctx context.Context, h *bubble.Host) error {
		l, err := h.Listen("tcp", ":7")
		if err != nil {
			return err
		}
		defer context.AfterFunc(ctx, func() { _ = l.Close() })()
		for {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			go func() {
				defer c.Close()
				if err := handle(c); err != nil {
					h.Observe(bubble.Note(err.Error()))
				}
			}()
		}
	}
}

func echo(c net.Conn) error { _, err := io.Copy(c, c); return err }

// dialled is the code of a client that dials port 7 of node 1.
func dialled(do func(c net.Conn) error) bubble.Main {
	return func(ctx context.Context, h *bubble.Host) error {
		c, err := h.DialContext(ctx, "tcp", "node1:7")
		if err != nil {
			return err
		}
		defer c.Close()
		return do(c)
	}
}

// A megabyte goes there and back over links with all faults that are not resets.
func TestAStreamIsReliable(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	c := hosts{1: accept(echo), 101: dialled(func(c net.Conn) error {
		go func() {
			_, _ = c.Write(data)
			_ = c.(*bubble.Conn).CloseWrite()
		}()
		got, err := io.ReadAll(c)
		if err == nil && !bytes.Equal(data, got) {
			err = fmt.Errorf("other bytes: %d", len(got))
		}
		return err
	})}.config(nil)
	c.World.Network = netmodel.Profile{
		Drop: 100_000, Duplicate: 50_000, Reorder: 100_000,
		Delay: netmodel.Delay{Kind: netmodel.Exponential, Min: ms, Mean: 4 * ms, Max: sec},
	}
	o := bubble.Run(t, c)
	require.NoError(t, o.Err)
	require.Positive(t, o.Stats.Dropped)
}

// A partition is a stall: when it ends, the stream goes on where it was.
func TestAPartitionIsAStall(t *testing.T) {
	hosts{1: accept(echo), 101: dialled(func(c net.Conn) error {
		time.Sleep(2 * time.Second)
		began := time.Now()
		if _, err := c.Write([]byte("x")); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 1))
		if took := time.Since(began); err == nil && took < 9*time.Second {
			err = fmt.Errorf("took %v", took)
		}
		return err
	})}.run(t, func(w *sim.World) {
		w.Schedule(sec, "cut", func() { w.Network().Cut(netmodel.Link{From: 101, To: 1}) })
		w.Schedule(11*sec, "heal", func() { w.Network().Uncut(netmodel.Link{From: 101, To: 1}) })
	})
}

// The ways in which a stream ends with an error, as its client sees them.
func TestErrorsOfStreams(t *testing.T) {
	read := func(c net.Conn) error {
		_, err := c.Read(make([]byte, 1))
		return err
	}
	silent := func(c net.Conn) error { _, err := io.Copy(io.Discard, c); return err }
	at := func(at sim.Duration, do func(*sim.World)) func(*sim.World) {
		return func(w *sim.World) { w.Schedule(at, "fault", func() { do(w) }) }
	}
	cases := []struct {
		name   string
		server bubble.Main
		client func(net.Conn) error
		script func(*sim.World)
		want   error
		by     time.Duration // when the client has the error
	}{
		{"nobody listens", idle, read, nil, syscall.ECONNREFUSED, 10 * time.Millisecond},
		{"the peer closes", accept(func(net.Conn) error { return nil }), read, nil, io.EOF, 20 * time.Millisecond},
		{"a process crash", accept(silent), read, at(sec, func(w *sim.World) { w.CrashProcess(1) }), syscall.ECONNRESET, time.Second + 5*time.Millisecond},
		{"a power loss and no answer", accept(silent), read, at(sec, func(w *sim.World) { w.LosePower(1) }), syscall.ETIMEDOUT, 60 * time.Second},
		{"a power loss and a restart", accept(silent), read, at(sec, func(w *sim.World) { w.LosePower(1); w.Start(1) }), syscall.ECONNRESET, 20 * time.Second},
		{"a long partition", accept(silent), read, at(sec, func(w *sim.World) { w.Network().Cut(netmodel.Link{From: 101, To: 1}) }), syscall.ETIMEDOUT, 100 * time.Second},
		{"a reset of the connection", accept(silent), func(c net.Conn) error {
			for {
				if _, err := c.Write([]byte("x")); err != nil {
					return err
				}
				time.Sleep(time.Second)
			}
		}, at(sec, func(w *sim.World) {
			w.Network().SetProfile(netmodel.Link{From: 101, To: 1}, netmodel.Profile{Reset: netmodel.Always})
		}), syscall.ECONNRESET, 5 * time.Second},
		{"the peer closes with bytes unread", accept(func(c net.Conn) error { time.Sleep(time.Second); return nil }), func(c net.Conn) error {
			if _, err := c.Write([]byte("x")); err != nil {
				return err
			}
			return read(c)
		}, nil, syscall.ECONNRESET, 2 * time.Second},
		{"a listener closes without Accept", func(_ context.Context, h *bubble.Host) error {
			l, err := h.Listen("tcp", ":7")
			time.Sleep(time.Second)
			return errors.Join(err, l.Close())
		}, read, nil, syscall.ECONNRESET, 1010 * time.Millisecond},
		{"a deadline", accept(silent), func(c net.Conn) error {
			if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
				return err
			}
			return read(c)
		}, nil, os.ErrDeadlineExceeded, 1010 * time.Millisecond},
		{"a deadline in the past", accept(silent), func(c net.Conn) error {
			if err := c.SetDeadline(time.Unix(1, 0)); err != nil {
				return err
			}
			return read(c)
		}, nil, os.ErrDeadlineExceeded, 10 * time.Millisecond},
		{"a full buffer", accept(func(c net.Conn) error { time.Sleep(time.Hour); return nil }), func(c net.Conn) error {
			if err := c.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				return err
			}
			n, err := c.Write(make([]byte, 1<<20))
			if n != 2<<16 {
				return fmt.Errorf("%d bytes written, want the buffers of both sides", n)
			}
			return err
		}, nil, os.ErrDeadlineExceeded, time.Minute + 10*time.Millisecond},
		{"closed here", accept(silent), func(c net.Conn) error {
			time.AfterFunc(time.Second, func() { _ = c.Close() })
			return read(c)
		}, nil, net.ErrClosed, 1010 * time.Millisecond},
		{"a write after the end", accept(silent), func(c net.Conn) error {
			if err := c.(*bubble.Conn).CloseWrite(); err != nil {
				return err
			}
			_, err := c.Write([]byte("x"))
			return err
		}, nil, syscall.EPIPE, 10 * time.Millisecond},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			client := func(ctx context.Context, h *bubble.Host) error {
				began := time.Now()
				err := dialled(c.client)(ctx, h)
				if took := time.Since(began); took > c.by {
					return fmt.Errorf("%w, after %v", err, took)
				}
				if !errors.Is(err, c.want) {
					return fmt.Errorf("got %w, want %v", err, c.want)
				}
				return nil
			}
			config := hosts{1: c.server, 101: client}.config(c.script)
			config.Grace = 120 * netmodel.Minute // one server sleeps for one
			require.NoError(t, bubble.Run(t, config).Err)
		})
	}
}

// A writer that has filled the buffers goes on as soon as the peer reads.
func TestAReaderIsHeardAtOnce(t *testing.T) {
	slow := func(c net.Conn) error {
		time.Sleep(20 * time.Second)
		_, err := io.Copy(io.Discard, c)
		return err
	}
	hosts{1: accept(slow), 101: dialled(func(c net.Conn) error {
		began := time.Now()
		_, err := c.Write(make([]byte, 300_000))
		if took := time.Since(began); err == nil && (took < 20*time.Second || took > 20100*time.Millisecond) {
			err = fmt.Errorf("took %v", took)
		}
		return err
	})}.run(t, nil)
}

// A dial that was given up has no effect later.
func TestADialThatWasGivenUp(t *testing.T) {
	accepted := 0
	hosts{1: accept(func(net.Conn) error { accepted++; return nil }), 101: func(ctx context.Context, h *bubble.Host) error {
		ctx, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
		defer cancel()
		_, err := h.DialContext(ctx, "tcp", "node1:7")
		time.Sleep(time.Minute)
		if !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("not a timeout: %w", err)
		}
		return nil
	}}.run(t, func(w *sim.World) {
		w.Network().Cut(netmodel.Link{From: 101, To: 1})
		w.Schedule(2*sec, "heal", func() { w.Network().Uncut(netmodel.Link{From: 101, To: 1}) })
	})
	require.Zero(t, accepted)
}

// A listener holds as many streams as it may, and further diallers wait.
func TestAFullListenerKeepsDiallersWaiting(t *testing.T) {
	c := hosts{1: func(ctx context.Context, h *bubble.Host) error {
		l, err := h.Listen("tcp", ":7")
		if err != nil {
			return err
		}
		time.Sleep(20 * time.Second)
		_, err = l.Accept()
		<-ctx.Done()
		return err
	}, 101: func(ctx context.Context, h *bubble.Host) error {
		began := time.Now()
		for i := range 3 {
			if _, err := h.DialContext(ctx, "tcp", "node1:7"); err != nil {
				return err
			}
			if took := time.Since(began); (took > 20*time.Second) != (i == 2) {
				return fmt.Errorf("stream %d is there after %v", i, took)
			}
		}
		return nil
	}}.config(nil)
	c.Stream.MaxPending = 2
	require.NoError(t, bubble.Run(t, c).Err)
}

// A stream that was closed on one side does not live on because the other side does
// not close it.
func TestAStreamIsNotKeptForAnIdlePeer(t *testing.T) {
	sent := uint64(0)
	c := hosts{1: accept(func(net.Conn) error { time.Sleep(10 * time.Minute); return nil }), 101: func(ctx context.Context, h *bubble.Host) error {
		err := dialled(func(net.Conn) error { return nil })(ctx, h)
		time.Sleep(5 * time.Minute)
		return err
	}}.config(func(w *sim.World) {
		w.Schedule(4*netmodel.Minute, "count", func() { sent = w.Stats().Sent })
	})
	c.Grace = 20 * netmodel.Minute
	require.NoError(t, bubble.Run(t, c).Err)
	require.Less(t, sent, uint64(15))
}

// Timeouts are net.Errors that say so, as an http.Client wants them.
func TestTimeoutsAreNetErrors(t *testing.T) {
	hosts{1: idle, 101: func(ctx context.Context, h *bubble.Host) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := h.DialContext(ctx, "tcp", "node1:7")
		var n net.Error
		if !errors.As(err, &n) || !n.Timeout() || !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("not a timeout: %w", err)
		}
		_, err = h.DialContext(context.Background(), "tcp", "node1:7")
		if !errors.As(err, &n) || !n.Timeout() || !errors.Is(err, syscall.ETIMEDOUT) {
			return fmt.Errorf("not a timeout: %w", err)
		}
		return nil
	}}.run(t, func(w *sim.World) { w.Network().Cut(netmodel.Link{From: 101, To: 1}) })
}

func TestAddresses(t *testing.T) {
	cases := []struct{ address, err string }{
		{"node1:7", ""}, {"10.0.0.1:7", ""},
		{"node2:7", "no such host in this world"}, {"node01:7", "no such host"}, {"example.org:7", "no such host"},
		{"192.168.0.1:7", "no such host"}, {"node1", "missing port"}, {"node1:x", "want a port"},
		{"localhost:7", "connection refused"}, {"10.0.0.101:7", "connection refused"}, {"client1:7", "connection refused"},
	}
	hosts{1: accept(echo), 101: func(ctx context.Context, h *bubble.Host) error {
		for _, c := range cases {
			conn, err := h.DialContext(ctx, "tcp", c.address)
			if err == nil {
				if err := want("remote", "10.0.0.1:7", conn.RemoteAddr().String()); err != nil {
					return err
				}
				_ = conn.Close()
			}
			if (err == nil) != (c.err == "") || err != nil && !bytes.Contains([]byte(err.Error()), []byte(c.err)) {
				return fmt.Errorf("%s: got %w, want %q", c.address, err, c.err)
			}
		}
		if _, err := h.Listen("tcp", "node1:80"); err == nil {
			return errors.New("a listener on another host")
		}
		if _, err := h.Listen("udp", ":80"); err == nil {
			return errors.New("a listener of datagrams")
		}
		l, err := h.Listen("tcp", ":80")
		if err != nil {
			return err
		}
		if _, err := h.Listen("tcp", ":80"); !errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("a port in use: %w", err)
		}
		_ = l.Close()
		_, err = h.Listen("tcp", ":80")
		return err
	}}.run(t, nil)
}

// Both ends of a stream agree on its addresses.
func TestBothSidesSeeTheSameAddresses(t *testing.T) {
	hosts{1: accept(func(c net.Conn) error {
		_, err := io.WriteString(c, c.RemoteAddr().String())
		return err
	}), 101: dialled(func(c net.Conn) error {
		got, err := io.ReadAll(c)
		return errors.Join(err, want("address", c.LocalAddr().String(), string(got)))
	})}.run(t, nil)
}
