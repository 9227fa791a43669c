package board

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
)

// ErrAddress is wrapped by errors about an address at which the page is not served.
var ErrAddress = errors.New("want a loopback address by number with a port, as in 127.0.0.1:7788")

// Listen listens at an address of this host. Others are refused: the page shows paths and
// command lines, and has no passwords. So are names, which may come to mean another
// host.
func Listen(address string) (net.Listener, error) {
	at, err := netip.ParseAddrPort(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q: %w", address, ErrAddress)
	case !at.Addr().Unmap().IsLoopback():
		return nil, fmt.Errorf("%q: not a loopback address: the page is for this host only; reach it from another through SSH (ssh -L %d:127.0.0.1:%d): %w", address, at.Port(), at.Port(), ErrAddress)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w; with port 0 a free one is taken", err)
	}
	return l, nil
}

// ownHost refuses requests that name another host: a browser sends them on behalf of a
// site with a name that has been made to mean this host.
func ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.Unmap().IsLoopback()) {
			http.Error(w, "this page is for this host only: open it at 127.0.0.1 or localhost", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
