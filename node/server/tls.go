package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/tlsfiles"
)

// TLS has all connections of peers and clients be TLS 1.3, with certificates on both
// sides. The files are read again when they change.
type TLS struct {
	tlsfiles.Paths
	Interval time.Duration // between two looks at the files; 0: tlsfiles.DefaultInterval

	// OptionalClients serves clients without a certificate, too. One that is shown must be
	// valid all the same.
	OptionalClients bool
}

// tlsState is the TLS of a running node.
type tlsState struct {
	cfg     TLS
	cluster string
	files   *tlsfiles.Files
	stop    context.CancelFunc // of watch; nil: it is not running
	stopped chan struct{}      // closed when watch has ended

	failures atomic.Uint64 // handshakes with clients that failed
}

// openTLS reads the files of a node; nil: it has none.
func openTLS(cfg *Config, log *slog.Logger) (*tlsState, error) {
	if cfg.TLS == nil {
		return nil, nil
	}
	files, err := tlsfiles.OpenNode(tlsfiles.Config{Paths: cfg.TLS.Paths, Interval: cfg.TLS.Interval, Log: log}, cfg.Cluster, cfg.Node.ID)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return &tlsState{cfg: *cfg.TLS, cluster: cfg.Cluster, files: files, stopped: make(chan struct{})}, nil
}

// watch begins to look for changes of the files, until close.
func (s *tlsState) watch() {
	if s == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() {
		defer close(s.stopped)
		s.files.Watch(ctx)
	}()
}

func (s *tlsState) close() {
	if s != nil && s.stop != nil {
		s.stop()
		<-s.stopped
	}
}

// peers returns the TLS of the transport.
func (s *tlsState) peers() *tcp.TLS {
	if s == nil {
		return nil
	}
	return &tcp.TLS{
		Server: func() *tls.Config { return s.files.ServePeer(s.cluster) },
		Client: func() *tls.Config { return s.files.DialPeer(s.cluster) },
		Member: func(c tls.ConnectionState) (node.ID, error) { return tlsfiles.Member(c, s.cluster) },
	}
}

// clients returns a listener whose connections are those of l, with TLS. The HTTP server
// carries out the handshakes, and bounds their time by Limits.IOTimeout.
func (s *tlsState) clients(l net.Listener) net.Listener {
	if s == nil {
		return l
	}
	return tls.NewListener(l, &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return s.files.ServeClient(s.cluster, s.cfg.OptionalClients), nil
		},
	})
}

// closeNow closes a connection without the goodbye of TLS, which waits for seconds if the
// other side does not read.
func closeNow(c io.Closer) {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	_ = c.Close() // fails only if it is closed
}

// handshakeWarnings is the time in which one failed TLS handshake of a client is logged.
const handshakeWarnings = 10 * time.Second

// handshakeLog takes the log of the HTTP server, and finds the failed TLS handshakes in it:
// net/http has no other place for them. Anyone can cause them, so few are logged.
type handshakeLog struct {
	log      *slog.Logger
	failures *atomic.Uint64

	mu         sync.Mutex // guards the following
	last       time.Time  // of a warning
	suppressed int
}

// httpLog returns the log of the HTTP server.
func (s *Server) httpLog() *log.Logger {
	if s.tls == nil {
		return slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
	}
	return log.New(&handshakeLog{log: s.log, failures: &s.tls.failures}, "", 0)
}

// Write implements io.Writer. Each call is a line.
func (l *handshakeLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	what, failed := strings.CutPrefix(text, "http: TLS handshake error from ")
	if !failed || strings.HasSuffix(what, ": EOF") { // a probe connects and hangs up
		l.log.Debug(text)
		return len(line), nil
	}
	l.failures.Add(1)
	l.mu.Lock()
	now := time.Now()
	if now.Sub(l.last) < handshakeWarnings {
		l.suppressed++
		l.mu.Unlock()
		return len(line), nil
	}
	suppressed := l.suppressed
	l.last, l.suppressed = now, 0
	l.mu.Unlock()
	from, why, _ := strings.Cut(what, ": ")
	l.log.Warn("closed a client's connection: the two sides agree on no TLS", "from", from, "error", why, "suppressed", suppressed)
	return len(line), nil
}
