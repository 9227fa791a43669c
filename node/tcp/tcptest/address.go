// Package tcptest provides addresses on the loopback network to tests that listen.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package tcptest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// Address returns a loopback address that no other test gets, free now and after
// a listener on it has been closed. Where the system allows it, this is a port of
// an address in 127.0.0.0/8 that belongs to this process; elsewhere of 127.0.0.1.
func Address(t testing.TB) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("%s:%d", host(), port.Add(1))
		if l, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, l.Close())
			return address
		}
	}
	require.FailNow(t, "no free port on "+host())
	return ""
}

// port is the last port tried. Ports of outgoing connections are 16,000 or higher.
var port atomic.Int32

func init() { port.Store(10_000 + rand.Int32N(6_000)) }

// host returns an address on which no other process listens. Linux uses all of
// 127.0.0.0/8 for loopback; elsewhere it is 127.0.0.1, shared by all.
var host = sync.OnceValue(func() string {
	pid := os.Getpid()
	own := fmt.Sprintf("127.%d.%d.%d", 1+pid>>16&0x7f, pid>>8&0xff, pid&0xff)
	l, err := net.Listen("tcp", own+":0")
	if err != nil {
		return "127.0.0.1"
	}
	l.Close()
	return own
})
