package server

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// ports is where a node listens.
type ports struct {
	peers   net.Listener
	clients net.Listener // nil: there are none
}

// open begins to listen. Nobody is let in yet.
func (p *ports) open(cfg *Config) (err error) {
	own := cfg.Listen
	if own == "" {
		own = cfg.Peers[cfg.Node.ID]
	}
	if p.peers, err = listenOn("peers", own); err != nil || cfg.HTTP == "" {
		return err
	}
	p.clients, err = listenOn("clients", cfg.HTTP)
	return err
}

func (p *ports) close() {
	for _, l := range []net.Listener{p.peers, p.clients} {
		if l != nil {
			_ = l.Close() // it may be closed already
		}
	}
}

func listenOn(whom, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen for %s: %w: stop the other process or choose another port", whom, err)
	case err != nil:
		return nil, fmt.Errorf("listen for %s: %w", whom, err)
	}
	return l, nil
}
