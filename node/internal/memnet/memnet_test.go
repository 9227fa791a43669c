package memnet_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/internal/memnet"
)

const latency = time.Millisecond

// pair opens a connection from host b to host a.
func pair(t *testing.T, n *memnet.Network) (dialled, accepted net.Conn) {
	l, err := n.Host("a").Listen("a:1")
	require.NoError(t, err)
	defer l.Close()
	dialled, err = n.Host("b").Dial(t.Context(), "a:1")
	require.NoError(t, err)
	accepted, err = l.Accept()
	require.NoError(t, err)
	return dialled, accepted
}

// readByte reads a byte within a second of the bubble.
func readByte(c net.Conn) error {
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

// Each fault does to two connected ends exactly this.
func TestFaults(t *testing.T) {
	for name, x := range map[string]struct {
		fault        func(n *memnet.Network)
		toA, toB     error // of a byte that is sent after the fault
		healA, healB error // and is read after Heal
	}{
		"none":             {fault: func(*memnet.Network) {}},
		"stall, one way":   {fault: func(n *memnet.Network) { n.Stall("b", "a") }, toA: os.ErrDeadlineExceeded},
		"stall, both ways": {fault: func(n *memnet.Network) { n.Stall("b", "a"); n.Stall("a", "b") }, toA: os.ErrDeadlineExceeded, toB: os.ErrDeadlineExceeded},
		"half-open": {
			fault: func(n *memnet.Network) { n.Sever("b", "a") }, toA: os.ErrDeadlineExceeded, healA: os.ErrDeadlineExceeded,
		},
		"reset": {
			fault: func(n *memnet.Network) { n.Reset("a", "b") }, toA: syscall.ECONNRESET, toB: syscall.ECONNRESET,
			healA: syscall.ECONNRESET, healB: syscall.ECONNRESET,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(latency)
				b, a := pair(t, n)
				defer a.Close()
				defer b.Close()
				x.fault(n)
				for range 2 {
					_, _ = a.Write([]byte{1})
					_, _ = b.Write([]byte{1})
				}
				require.ErrorIs(t, readByte(a), x.toA)
				require.ErrorIs(t, readByte(b), x.toB)
				n.Heal()
				require.ErrorIs(t, readByte(a), x.healA)
				require.ErrorIs(t, readByte(b), x.healB)
			})
		})
	}
}

// A connection has a latency, and a writer waits for a reader.
func TestFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(latency)
		b, a := pair(t, n)
		defer a.Close()
		begin := time.Now()
		_, err := b.Write([]byte{1})
		require.NoError(t, err)
		require.NoError(t, readByte(a))
		require.Equal(t, latency, time.Since(begin))

		sent := bytes.Repeat([]byte("0123456789"), 50_000)
		_ = b.SetWriteDeadline(time.Now().Add(time.Second))
		written, err := b.Write(sent)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 64<<10, written)
		_ = b.SetWriteDeadline(time.Time{})
		go func() {
			_, _ = b.Write(sent[written:])
			_ = b.Close()
		}()
		_ = a.SetReadDeadline(time.Time{})
		got, err := io.ReadAll(a)
		require.NoError(t, err)
		require.True(t, bytes.Equal(sent, got))
		time.Sleep(2 * latency)
		_, err = a.Write([]byte{1})
		require.ErrorIs(t, err, syscall.EPIPE)
		require.Equal(t, 1, n.Open())
	})
}

// A dial is refused, or waits for a stall or a full backlog until its context ends.
func TestDial(t *testing.T) {
	for name, x := range map[string]struct {
		prepare func(t *testing.T, n *memnet.Network)
		want    error
	}{
		"no listener":  {func(*testing.T, *memnet.Network) {}, syscall.ECONNREFUSED},
		"listens":      {listen, nil},
		"refuses":      {func(t *testing.T, n *memnet.Network) { listen(t, n); n.Refuse("b", "a") }, syscall.ECONNREFUSED},
		"stalled":      {func(t *testing.T, n *memnet.Network) { listen(t, n); n.Stall("b", "a") }, context.DeadlineExceeded},
		"stalled back": {func(t *testing.T, n *memnet.Network) { listen(t, n); n.Stall("a", "b") }, context.DeadlineExceeded},
		"full backlog": {func(t *testing.T, n *memnet.Network) {
			listen(t, n)
			for range 64 {
				c, err := n.Host("c").Dial(t.Context(), "a:1")
				require.NoError(t, err)
				t.Cleanup(func() { _ = c.Close() })
			}
		}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(latency)
				x.prepare(t, n)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				c, err := n.Host("b").Dial(ctx, "a:1")
				require.ErrorIs(t, err, x.want)
				if err == nil {
					_ = c.Close()
					return
				}
				var failed *net.OpError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, "dial", failed.Op)
			})
		})
	}
}

func listen(t *testing.T, n *memnet.Network) {
	l, err := n.Host("a").Listen("a:1")
	require.NoError(t, err)
	_, err = n.Host("a").Listen("a:1")
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	t.Cleanup(func() { _ = l.Close() })
}

// The HTTP of the standard library runs on it, deadlines included.
func TestHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(latency)
		l, err := n.Host("a").Listen("a:1")
		require.NoError(t, err)
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(body)
		})}
		go s.Serve(l)
		transport := &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return n.Host("b").Dial(ctx, address)
		}}
		c := &http.Client{Transport: transport}
		for range 3 {
			r, err := c.Post("http://a:1/", "", bytes.NewReader(make([]byte, 200_000)))
			require.NoError(t, err)
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.Equal(t, 200_000, len(body))
			_ = r.Body.Close()
		}
		require.Equal(t, 1, n.Dials("b", "a"))
		transport.CloseIdleConnections()
		require.NoError(t, s.Shutdown(t.Context()))
	})
}
