package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// Config configures a server.
type Config struct {
	Node      node.Config        // ID, timings, definitions; the server fills in the rest
	Cluster   string             // name of the cluster; all members must agree on it
	Peers     map[node.ID]string // address of every member, this one included; a log that has members of its own goes before
	Join      bool               // an empty log is of none of Peers' clusters until its members add it; Peers has those to ask, and this one
	JoinName  string             // with Join: the name of SRV records that lead to members to ask; Peers may have this one alone then
	Guides    map[node.ID]string // members of which a log that has members need not know: it asks them for the later ones
	Listen    string             // address to listen on for peers; empty: the node's own in Peers
	HTTP      string             // address to listen on for clients; empty: no clients
	Advertise string             // address that clients are told, as of a proxy; empty: that of HTTP, if it names a host
	Build     string             // version of the program, for people; empty: not shown
	Data      string             // directory of the log
	Codec     string             // binary, cbor or json: how messages to peers that read it are encoded
	Queue     int                // messages that may wait for one peer
	Limits    Limits             // resources for clients; zero fields: the defaults
	Access    Access             // rights of clients
	Log       *slog.Logger

	TLS      *TLS // of the connections of peers and clients; nil: none
	Insecure bool // without TLS, listens on other addresses than loopback, too

	Heartbeat time.Duration // longest silence of a watch; 0: DefaultHeartbeat

	// Disk, if not nil, wraps the executor of the log's disk requests. It is for
	// tests.
	Disk func(files.Executor) files.Executor

	// Network, if not nil, takes the place of TCP, and LookupSRV that of the system's
	// resolver. They are for tests.
	Network   Network
	LookupSRV func(ctx context.Context, name string) ([]*net.SRV, error)
}

// Network is a node's way to peers and clients. Its errors are those of package net.
type Network interface {
	Listen(address string) (net.Listener, error)
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// ErrConfig is wrapped by every error about a Config.
var ErrConfig = errors.New("invalid server configuration")

// ErrNodeFailed is wrapped by the error of Start when the node began its life and
// then stopped by itself.
var ErrNodeFailed = errors.New("the node has stopped")

// nodeFailure is the error of a node that has stopped by itself. It wraps ErrNodeFailed too,
// and does not repeat its text.
type nodeFailure struct{ error }

func (nodeFailure) Is(target error) bool { return target == ErrNodeFailed }
func (f nodeFailure) Unwrap() error      { return f.error }

// Server is a running node.
type Server struct {
	cfg       Config
	log       *slog.Logger
	dir       *files.Dir
	runner    *files.Runner
	transport *tcp.Transport
	loop      *loop
	metrics   *metrics
	listeners listeners
	http      *http.Server
	conns     *connLimiter
	tls       *tlsState // nil: none
	streams   *streams
	guard     clusterGuard
	access    *accessControl
	clients   *clientLimits
	responses responseCounts
	notices   repeatedNotices
	met       atomic.Pointer[map[node.ID]string] // see discovered
	closing   chan struct{}                      // closed when Close is called
	closeOnce sync.Once                          // for closing
	running   bool                               // run has begun
	started   chan struct{}                      // closed when start has returned, with or without an error
	stopped   chan struct{}
	boot      uint64 // boot number of the node
	logForm   wal.Form
	err       error // why the node stopped; valid after stopped is closed
}

// lingerTimeout is the time for which a failed node goes on to report its failure.
const lingerTimeout = time.Second

// Start starts a node: it locks and reads the directory, then listens, or the other way
// about if there is no log. Its errors name the field, the directory or the address, and
// the remedy.
func Start(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg: cfg, log: cfg.Log.With("node", cfg.Node.ID), streams: newStreams(),
		closing: make(chan struct{}), started: make(chan struct{}), stopped: make(chan struct{}),
	}
	err := s.start()
	close(s.started)
	if err != nil {
		if s.loop != nil {
			s.loop.stop(err)
		}
		if s.running {
			<-s.stopped
		} else {
			s.release()
		}
		return nil, err
	}
	return s, nil
}

// start does everything that can fail before it admits peers: they send messages at
// once, and the loop has to run for them.
func (s *Server) start() error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	codec, err := wire.ByName(s.cfg.Codec)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	s.cfg.Limits, s.cfg.Heartbeat = s.cfg.Limits.withDefaults(), cmp.Or(s.cfg.Heartbeat, DefaultHeartbeat)
	if s.tls, err = openTLS(&s.cfg, s.log); err != nil {
		return err
	}
	if s.access, err = newAccessControl(&s.cfg, s.log); err != nil {
		return err
	}
	s.clients = newClientLimits(s.cfg.Limits)
	core, err := s.newService()
	if err != nil {
		return err
	}
	if !hasLog(s.cfg.Data) { // a start that fails leaves no log of this identity
		s.warnOfOthers()
		if err := s.listeners.listen(&s.cfg, s.log); err != nil {
			return err
		}
	}
	if s.dir, err = files.Open(s.cfg.Data); err != nil {
		return err
	}
	s.conns = newConnLimiter(s.cfg.Limits.Connections)
	s.loop = newLoop(core, s.log)
	s.metrics = newMetrics(s)
	s.dir.Observe = s.metrics.observeDisk
	s.runner = files.NewRunner(s.disk(), s.loop.diskDone)
	if err := s.loop.boot(s.dir, newIncarnation(), s.runner); err != nil {
		return fmt.Errorf("%s: %w", s.cfg.Data, err)
	}
	s.boot, s.logForm = core.Member().Node().BootNumber(), wal.FormWhole
	if core.Member().Node().HasIncrementalLog() {
		s.logForm = wal.FormIncremental
	}
	if s.cfg.Node.LogForm == wal.FormWhole && s.logForm != wal.FormWhole {
		s.log.Warn("the log stays incremental: the form whole is for a log that is created; to go back to an earlier build, replace the node", "data", s.cfg.Data)
	}
	if s.listeners.peers == nil { // reading the log may have taken long: clients that were refused went elsewhere
		if err := s.listeners.listen(&s.cfg, s.log); err != nil {
			return err
		}
	}
	s.tls.watch()
	s.running = true
	go s.run()
	select {
	case <-s.loop.lifeDurable: // from now on the node may show this life to others
	case <-s.loop.done:
		return fmt.Errorf("%s: %w", s.cfg.Data, nodeFailure{s.loop.err})
	}
	if err := s.startTransport(codec); err != nil {
		return err
	}
	s.startHTTP()
	if s.cfg.JoinName != "" {
		go s.discover()
	}
	return nil
}

// hasLog reports whether a directory has a log, as far as it can be read.
func hasLog(dir string) bool {
	names, _ := files.Reader(dir).List()
	return len(names) > 0
}

// warnOfOthers warns if the directory of a new log has other things, as the parent of the one
// that was meant.
func (s *Server) warnOfOthers() {
	entries, _ := os.ReadDir(s.cfg.Data) // files.Open has the error
	for _, e := range entries {
		if name := e.Name(); name != "LOCK" && name != "RESTORING" && name != "lost+found" {
			s.log.Warn("the directory has no log, and has other things: is it the one of this node? A new log is made there", "data", s.cfg.Data, "other", name)
			return
		}
	}
}

// disk returns the executor of the log's requests.
func (s *Server) disk() files.Executor {
	if s.cfg.Disk != nil {
		return s.cfg.Disk(s.dir)
	}
	return s.dir
}

// newService creates the service and its member from the configuration.
func (s *Server) newService() (*service.Service, error) {
	cfg := s.cfg.Node
	cfg.Cluster = node.ClusterID(s.cfg.Cluster)
	cfg.Members = nil
	for id := range s.cfg.Peers {
		cfg.Members = append(cfg.Members, id)
	}
	var seed [8]byte
	rand.Read(seed[:])
	cfg.Jitter = binary.LittleEndian.Uint64(seed[:])
	m, err := member.New(member.Config{Node: cfg, Level: node.LatestLevel, Join: s.cfg.Join, Notify: s.logNotice})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	m.SetBuild(s.cfg.Build)
	l := s.cfg.Limits
	return service.New(m, service.Config{
		Pending: l.Pending, Watchers: l.Watchers, Changes: service.DefaultChanges, Page: service.DefaultPage, ReadyTimeout: cfg.ConsensusTimeout,
		Notify: s.logNotice,
	})
}

func newIncarnation() (random [16]byte) {
	rand.Read(random[:])
	return random
}

// startTransport admits peers.
func (s *Server) startTransport(codec wire.Codec) error {
	hello := wire.Hello{
		Protocol: wire.Protocol, Oldest: wire.OldestProtocol, Cluster: node.ClusterID(s.cfg.Cluster), Node: s.cfg.Node.ID,
		Epoch: 1,
	}
	hello.OfferCodecs(codec)
	var members *configuration.Configuration
	var status member.Status
	s.loop.do(func(x *service.Service) {
		hello.Life, members, status = x.Member().Life(), x.Member().Configuration(), x.Member().Status()
		x.Member().SetEndpoint(s.endpoint())
	})
	others, lastID := s.peers(members)
	var guides map[node.ID]string
	if status.Stage == member.Formed {
		guides = s.guides(max(lastID, slices.Max(status.Members)))
	}
	maps.Copy(others, guides)
	transport, err := tcp.Start(tcp.Config{
		Hello: hello, Listener: s.listeners.peers, Peers: others, Queue: s.cfg.Queue, Log: s.log,
		Waits: s.WaitsToBeAdded(), Deliver: s.loop.deliver, Removed: s.loop.removed, Formed: s.loop.formedCluster, Dial: s.dial(), TLS: s.tls.peers(),
	})
	if err != nil {
		return err
	}
	s.transport = transport
	if !s.loop.do(func(*service.Service) { s.loop.transport, s.loop.followMembers = transport, s.followMembers }) {
		return fmt.Errorf("%s: %w", s.cfg.Data, nodeFailure{s.loop.err})
	}
	for id, address := range guides {
		s.log.Info("asking a node that the log does not know for the members, as the flags say", "node", id, "address", address)
		s.loop.met(id)
	}
	return nil
}

// dial returns the function that opens connections to peers; nil: plain TCP.
func (s *Server) dial() func(context.Context, string) (net.Conn, error) {
	if s.cfg.Network == nil {
		return nil
	}
	return s.cfg.Network.Dial
}

// startHTTP admits clients.
func (s *Server) startHTTP() {
	if s.listeners.clients == nil {
		return
	}
	s.http = &http.Server{
		Handler: s.handler(), ConnState: s.conns.onConnState,
		ReadHeaderTimeout: s.cfg.Limits.IOTimeout, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: s.httpLog(),
	}
	go s.http.Serve(s.tls.clients(s.listeners.clients))
	go s.followTokens()
}

// HTTPAddr returns the address that serves clients, or nil.
func (s *Server) HTTPAddr() net.Addr {
	if s.listeners.clients == nil {
		return nil
	}
	return s.listeners.clients.Addr()
}

// WaitsToBeAdded reports whether the node was started with Join, and its members are still
// to add it.
func (s *Server) WaitsToBeAdded() (waits bool) {
	s.loop.inspect(func(x *service.Service) { waits = s.cfg.Join && x.Member().Status().Stage == member.Empty })
	return waits
}

// run runs the loop until the node stops, and then releases its resources.
func (s *Server) run() {
	s.log.Info("running", "boot", s.boot, "data", s.cfg.Data, "codec", s.cfg.Codec, "log-form", s.logForm)
	s.err = s.loop.run()
	<-s.started
	if s.err != nil && s.transport != nil {
		s.log.Error("stopped", "error", s.err)
		s.transport.Close()
		s.linger()
	}
	s.release()
	close(s.stopped)
}

// linger keeps a failed node responding to clients, with the reason, for
// lingerTimeout or until Close.
func (s *Server) linger() {
	timer := time.NewTimer(lingerTimeout)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closing:
	}
}

// release releases all resources.
func (s *Server) release() {
	if s.http != nil {
		s.shutdownHTTP()
		s.streams.close(lingerTimeout / 2)
	}
	if s.transport != nil {
		s.transport.Close()
	}
	s.listeners.close()
	s.tls.close()
	if s.runner != nil {
		s.runner.Close()
	}
	if s.dir != nil {
		s.dir.Close()
	}
}

// shutdownHTTP gives pending responses time to be sent.
func (s *Server) shutdownHTTP() {
	ctx, cancel := context.WithTimeout(context.Background(), lingerTimeout/4)
	defer cancel()
	s.http.Shutdown(ctx)
	s.http.Close()
}

// Done returns a channel that is closed when the node has stopped.
func (s *Server) Done() <-chan struct{} { return s.stopped }

// Err waits for the node to stop. It returns why the node stopped by itself, or nil
// after Close.
func (s *Server) Err() error {
	<-s.stopped
	return s.err
}

// Drain prepares the node for its stop: it is not ready any more, rejects new requests
// with the advice to go elsewhere, ends watches, and hands over to the other nodes. Drain
// returns when pending requests are completed and the others ask nothing of the node any
// more, or when ctx ends, with an error that wraps ctx's.
func (s *Server) Drain(ctx context.Context) error {
	s.loop.startDraining()
	if s.http != nil {
		s.http.SetKeepAlivesEnabled(false)
	}
	s.closeOnce.Do(func() { close(s.closing) })
	select {
	case <-s.loop.drained:
	case <-s.loop.done:
	case <-ctx.Done():
		return fmt.Errorf("node %d: operations are under way: %w", s.cfg.Node.ID, ctx.Err())
	}
	return nil
}

// Close stops the node: it drains it until ctx ends, gives the requests that are pending
// then their outcome, and releases all resources. It returns Err.
func (s *Server) Close(ctx context.Context) error {
	_ = s.Drain(ctx) // whoever waits for a reply learns of it
	if s.http != nil {
		s.conns.closeIdle()
		s.http.Shutdown(ctx)
		s.streams.wait(ctx)
	}
	s.loop.stop(nil)
	return s.Err()
}
