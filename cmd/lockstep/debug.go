package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"time"
)

// checkDebugAddress returns an error if profiles may not be served at an address. They
// show keys and addresses, and cost processor time: only loopback addresses are allowed,
// by number, since a name may come to mean another host.
func checkDebugAddress(address string) error {
	at, err := netip.ParseAddrPort(address)
	switch {
	case err != nil:
		return fmt.Errorf("--debug-listen %q: want a loopback address with a port, as in 127.0.0.1:6060", address)
	case !at.Addr().Unmap().IsLoopback():
		return fmt.Errorf("--debug-listen %q: not a loopback address: profiles are for this host only; reach them from another through SSH", address)
	}
	return nil
}

// startDebug serves profiles of the process (net/http/pprof) at an address, until stop is
// called.
func startDebug(address string, log *slog.Logger) (stop func(), err error) {
	if err := checkDebugAddress(address); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--debug-listen: %w", err)
	}
	s := &http.Server{Handler: debugHandler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	go func() { _ = s.Serve(l) }() // it ends with stop
	log.Info("profiles are served", "address", "http://"+l.Addr().String()+"/debug/pprof/")
	return func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // no profile is waited for
		_ = s.Shutdown(ctx)
		_ = s.Close()
	}, nil
}

// debugHandler returns the handlers of profiles. A browser's request from another site is
// refused: it names that site, or another host.
func debugHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.Unmap().IsLoopback()) {
			http.Error(w, "profiles are for this host only", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
