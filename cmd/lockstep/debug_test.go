package main

import (
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
)

// Profiles are served at a loopback address, to requests for a loopback host, until the
// end.
func TestDebugListener(t *testing.T) {
	address := tcptest.Address(t)
	stop, err := startDebug(address, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	get := func(path, host string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+path, nil)
		require.NoError(t, err)
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(text)
	}
	for _, host := range []string{"", "localhost:1", "localhost", "[::1]:6060"} {
		status, text := get("/debug/pprof/goroutine?debug=1", host)
		require.Equal(t, http.StatusOK, status, host)
		require.Contains(t, text, "goroutine profile")
	}
	status, _ := get("/debug/pprof/heap", "evil.example") // by a name that was made to mean 127.0.0.1
	require.Equal(t, http.StatusForbidden, status)
	status, _ = get("/", "")
	require.Equal(t, http.StatusNotFound, status)

	_, err = startDebug(address, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "--debug-listen: listen tcp")
	stop()
	_, err = http.Get("http://" + address + "/debug/pprof/")
	require.Error(t, err)
}

// Other addresses are refused before anything listens.
func TestDebugListenerIsLocal(t *testing.T) {
	for address, want := range map[string]string{
		"0.0.0.0:6060": "not a loopback address", "[::]:6060": "not a loopback address", "10.1.2.3:6060": "not a loopback address",
		":6060": "want a loopback address with a port", "localhost:6060": "want a loopback address", "127.0.0.1": "want a loopback address with a port", "127.0.0.1:x": "want a loopback",
		"[::ffff:10.0.0.1]:1": "not a loopback address",
	} {
		_, err := startDebug(address, nil)
		require.ErrorContains(t, err, want, address)
		require.ErrorContains(t, err, address)
	}
}
