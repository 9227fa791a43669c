package server

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listeners holds the sockets on which a node listens.
type listeners struct {
	peers   net.Listener
	clients net.Listener // nil: the node serves no clients
}

// listen opens the listeners. It does not accept connections yet.
func (p *listeners) listen(cfg *Config) (err error) {
	own := cfg.Listen
	if own == "" {
		own = cfg.Peers[cfg.Node.ID]
	}
	open := func(address string) (net.Listener, error) { return net.Listen("tcp", address) }
	if cfg.Network != nil {
		open = cfg.Network.Listen
	}
	if p.peers, err = listenFor("peers", own, open); err != nil || cfg.HTTP == "" {
		return err
	}
	p.clients, err = listenFor("clients", cfg.HTTP, open)
	return err
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
