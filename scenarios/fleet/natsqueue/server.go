package natsqueue

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// ErrListen is wrapped by errors about the address of a server.
var ErrListen = errors.New("want an address by number with a port, as in 127.0.0.1:4222")

// ServerOptions returns the options of a server within this process, which keeps its state
// in a directory and syncs each write. Without a configuration of its own it has no
// passwords, and so other addresses than those of this host are refused.
func ServerOptions(dir, listen, config string) (*server.Options, error) {
	at, err := netip.ParseAddrPort(listen)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", listen, ErrListen)
	}
	o := &server.Options{}
	if config != "" {
		if o, err = server.ProcessConfigFile(config); err != nil {
			return nil, err
		}
	}
	if config == "" && !at.Addr().Unmap().IsLoopback() {
		return nil, fmt.Errorf("%q: not a loopback address: workers of other machines need passwords or certificates: give a configuration of nats-server that has them", listen)
	}
	o.Host, o.Port = at.Addr().String(), int(at.Port())
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.JetStream, o.StoreDir, o.SyncAlways = true, dir, true
	o.NoSigs, o.DisableShortFirstPing = true, true
	if o.ServerName == "" {
		o.ServerName = "lockstep-fleet"
	}
	return o, nil
}

// startTimeout is the time that a server has to begin.
const startTimeout = 30 * time.Second

// Start starts a server. It is to be ended with Shutdown and WaitForShutdown.
func Start(o *server.Options, log server.Logger) (*server.Server, error) {
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	if log != nil {
		s.SetLogger(log, false, false)
	}
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("the server at %s:%d is not ready after %v: is the address in use, or the directory %s that of another server?", o.Host, o.Port, startTimeout, o.StoreDir)
	}
	return s, nil
}
