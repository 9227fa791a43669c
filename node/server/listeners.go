package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
)

// listeners holds the sockets on which a node listens.
type listeners struct {
	peers   net.Listener
	clients net.Listener // nil: the node serves no clients
}

// listen opens the listeners. It does not accept connections yet.
func (p *listeners) listen(cfg *Config, log *slog.Logger) (err error) {
	own := cfg.Listen
	if own == "" {
		own = cfg.Peers[cfg.Node.ID]
	}
	open := func(address string) (net.Listener, error) { return net.Listen("tcp", address) }
	if cfg.Network != nil {
		open = cfg.Network.Listen
	}
	if p.peers, err = listenFor("peers", own, open); err != nil {
		return err
	}
	if cfg.HTTP != "" {
		if p.clients, err = listenFor("clients", cfg.HTTP, open); err != nil {
			return err
		}
	}
	if cfg.TLS != nil {
		return nil
	}
	return p.checkExposure(cfg.Insecure, log)
}

// ErrExposed means that a node without TLS would listen on an address that other hosts
// can reach.
var ErrExposed = errors.New("other hosts can reach this address, and without TLS all of them may do anything, as a member too: " +
	"give the node a certificate (--tls-ca, --tls-cert, --tls-key; see lockstep certs), listen on 127.0.0.1, or accept that with --insecure")

// checkExposure returns an error if a listener is open for other hosts, or warns of it if
// that is accepted.
func (p *listeners) checkExposure(accepted bool, log *slog.Logger) error {
	for _, l := range []struct {
		noun string
		net.Listener
	}{{"peers", p.peers}, {"clients", p.clients}} {
		switch {
		case l.Listener == nil || !exposed(l.Addr()):
		case !accepted:
			return fmt.Errorf("%w: listen for %s: %v: %w", ErrConfig, l.noun, l.Addr(), ErrExposed)
		default:
			log.Warn("neither authenticated nor encrypted: whoever reaches this address may do anything", "port", l.noun, "address", l.Addr())
		}
	}
	return nil
}

// exposed reports whether other hosts can reach an address to which a listener is bound.
func exposed(bound net.Addr) bool {
	tcp, ok := bound.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

func (p *listeners) close() {
	for _, l := range []net.Listener{p.peers, p.clients} {
		if l != nil {
			_ = l.Close() // it may be closed already
		}
	}
}

func listenFor(whom, addr string, open func(address string) (net.Listener, error)) (net.Listener, error) {
	l, err := open(addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen for %s: %w: stop the other process or choose another port", whom, err)
	case err != nil:
		return nil, fmt.Errorf("listen for %s: %w", whom, err)
	}
	return l, nil
}
