package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// Config is what a server is told once.
type Config struct {
	Node    node.Config        // ID, timings, definitions; the rest is filled in
	Cluster string             // its name; all members must agree
	Peers   map[node.ID]string // the address of every member, this one included
	Listen  string             // where to listen for peers; empty: the own address in Peers
	HTTP    string             // where to listen for clients; empty: nowhere
	Data    string             // the directory of the log
	Codec   string             // cbor or json
	Queue   int                // messages that may wait for one peer
	Log     *slog.Logger
}

// ErrConfig is wrapped by every error about a Config.
var ErrConfig = errors.New("invalid server configuration")

// Server is a running node.
type Server struct {
	cfg       Config
	log       *slog.Logger
	dir       *files.Dir
	runner    *files.Runner
	transport *tcp.Transport
	peers     *acquaintances
	loop      *loop
	metrics   *metrics
	http      *http.Server
	addr      net.Addr // of HTTP
	stopped   chan struct{}
	err       error // why it stopped; read after stopped
}

// Start brings a node up: it locks and reads the directory, then listens. Its
// errors name the field, the directory or the address and what to do.
func Start(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, log: cfg.Log.With("node", cfg.Node.ID), stopped: make(chan struct{})}
	if err := s.start(); err != nil {
		s.release()
		return nil, err
	}
	go s.run()
	return s, nil
}

func (s *Server) start() error {
	codec, err := wire.ByName(s.cfg.Codec)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	core, err := s.core()
	if err != nil {
		return err
	}
	if s.dir, err = files.Open(s.cfg.Data); err != nil {
		return err
	}
	if s.peers, err = recallPeers(s.dir); err != nil {
		return err
	}
	s.metrics = newMetrics(s)
	s.loop = newLoop(core, s.log)
	s.dir.Observe = s.metrics.disk
	s.runner = files.NewRunner(s.dir, s.loop.diskDone)
	if err := s.loop.boot(s.dir, incarnation(), s.runner); err != nil {
		return fmt.Errorf("%s: %w", s.cfg.Data, err)
	}
	return s.listen(codec, core)
}

// core makes the node from the configuration.
func (s *Server) core() (*node.Node, error) {
	cfg := s.cfg.Node
	cfg.Cluster = clusterID(s.cfg.Cluster)
	cfg.Members = nil
	for id := range s.cfg.Peers {
		cfg.Members = append(cfg.Members, id)
	}
	var seed [8]byte
	rand.Read(seed[:])
	cfg.Jitter = binary.LittleEndian.Uint64(seed[:])
	n, err := node.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return n, nil
}

// clusterID is a cluster's name in sixteen bytes.
func clusterID(name string) [16]byte {
	sum := sha256.Sum256([]byte("lockstep cluster " + name))
	return [16]byte(sum[:16])
}

func incarnation() (random [16]byte) {
	rand.Read(random[:])
	return random
}

// listen opens both ports and lets the peers in.
func (s *Server) listen(codec wire.Codec, core *node.Node) error {
	own := s.cfg.Peers[s.cfg.Node.ID]
	if s.cfg.Listen != "" {
		own = s.cfg.Listen
	}
	l, err := listenOn("peers", own)
	if err != nil {
		return err
	}
	others := map[node.ID]string{}
	for id, addr := range s.cfg.Peers {
		if id != s.cfg.Node.ID {
			others[id] = addr
		}
	}
	s.transport, err = tcp.Start(tcp.Config{
		Hello: wire.Hello{
			Protocol: wire.Protocol, Cluster: clusterID(s.cfg.Cluster), Node: s.cfg.Node.ID,
			Incarnation: core.Incarnation(), Epoch: 1, Codec: codec.Name(),
		},
		Listener: l, Peers: others, Codec: codec, Queue: s.cfg.Queue, Log: s.log,
		Admit: s.peers.admit, Deliver: s.loop.deliver, Refused: s.refused,
	})
	if err != nil {
		l.Close()
		return err
	}
	s.loop.transport = s.transport
	return s.listenHTTP()
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

func (s *Server) listenHTTP() error {
	if s.cfg.HTTP == "" {
		return nil
	}
	l, err := listenOn("clients", s.cfg.HTTP)
	if err != nil {
		return err
	}
	s.addr = l.Addr()
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	go s.http.Serve(l)
	return nil
}

// HTTPAddr is where clients are served, or nil.
func (s *Server) HTTPAddr() net.Addr { return s.addr }

// run is the node's life.
func (s *Server) run() {
	s.log.Info("running", "boot", s.loop.node.Boots(), "data", s.cfg.Data, "codec", s.cfg.Codec)
	s.err = s.loop.run()
	if s.err != nil {
		s.log.Error("stopped", "error", s.err)
	}
	s.release()
	close(s.stopped)
}

// release gives back all that was taken.
func (s *Server) release() {
	if s.http != nil {
		s.http.Close()
	}
	if s.transport != nil {
		s.transport.Close()
	}
	if s.runner != nil {
		s.runner.Close()
	}
	if s.dir != nil {
		s.dir.Close()
	}
}

// Done is closed when the node has stopped.
func (s *Server) Done() <-chan struct{} { return s.stopped }

// Err is why the node stopped by itself, after Done; nil if it was asked to.
func (s *Server) Err() error {
	<-s.stopped
	return s.err
}

// Close stops the node: it takes no more from clients, answers what it can until
// ctx ends, and gives everything back.
func (s *Server) Close(ctx context.Context) error {
	s.loop.draining.Store(true)
	if s.http != nil {
		s.http.Shutdown(ctx)
	}
	s.loop.stop(nil)
	return s.Err()
}

// refused ends a node that its peers will never speak with again under its
// present identity.
func (s *Server) refused(peer node.ID, err error) {
	if saysAmnesia(err) {
		s.loop.stop(fmt.Errorf("node %d refuses this node: %w", peer, err))
	}
}
