package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/streamserver"
)

// Bounds of one stream. Those of Limits hold as well, for all clients together.
const (
	streamOperations = 4096 // unfinished
	streamWatches    = 256
	streamBuffer     = 1 << 20 // bytes that wait for a client that does not read

	// streamSilence is the time without a byte of the client, several of its pings,
	// after which a stream is ended.
	streamSilence = 2 * time.Minute
)

// streams is the set of streams. It is safe for concurrent use.
type streams struct {
	mu        sync.Mutex
	all       map[*streamConn]struct{}
	changed   chan struct{} // closed when a stream has ended
	malformed uint64        // streams that broke the protocol

	traffic traffic // of all streams so far
}

func newStreams() *streams {
	return &streams{all: map[*streamConn]struct{}{}, changed: make(chan struct{})}
}

func (s *streams) add(c *streamConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[c] = struct{}{}
}

func (s *streams) remove(c *streamConn, malformed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, c)
	if malformed {
		s.malformed++
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// count returns the number of streams, and of the ones so far that broke the protocol.
func (s *streams) count() (now int, malformed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all), s.malformed
}

// wait returns when there are no streams, or ctx ends.
func (s *streams) wait(ctx context.Context) {
	for {
		s.mu.Lock()
		n, changed := len(s.all), s.changed
		s.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// endUnless ends the streams of clients that no longer have the role with which they
// began.
func (s *streams) endUnless(holds func(*client) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.all {
		if !holds(c.client) {
			go c.revoke() // it takes a lock of its own
		}
	}
}

// close gives all streams, which are about to end, time for it, and cuts the others.
func (s *streams) close(patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.wait(ctx)
	s.mu.Lock()
	for c := range s.all {
		closeNow(c.conn) // which ends its goroutines
	}
	s.mu.Unlock()
	s.wait(context.Background())
}

// upgrade makes a connection a stream (package stream).
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	if !headerHas(r.Header, "Connection", "upgrade") || !headerHas(r.Header, "Upgrade", stream.Protocol) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", stream.Protocol)
		sendRejected(w, http.StatusUpgradeRequired, node.BadRequest, fmt.Sprintf("want the headers Connection: Upgrade and Upgrade: %s", stream.Protocol))
		return
	}
	select {
	case <-s.closing:
		sendUnavailable(w, nil, service.ErrStopping)
		return
	case <-s.loop.done:
		sendUnavailable(w, nil, s.loop.stoppingError())
		return
	default:
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		sendRejected(w, http.StatusHTTPVersionNotSupported, node.BadRequest, "a stream begins with a request of HTTP/1.1")
		return
	}
	first := make([]byte, buffered.Reader.Buffered())
	_, _ = buffered.Reader.Read(first) // from memory
	c := newStreamConn(s, conn, clientOf(r))
	s.streams.add(c)
	s.conns.set(c, http.StateNew)
	if !s.access.holds(c.client.Principal) { // the tokens have changed before the stream was one
		c.revoke()
	}
	go c.serve(first)
}

// headerHas reports whether a header that is a list has a token.
func headerHas(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for item := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}

// hello is the greeting of the node on a stream.
func (s *Server) hello() stream.Hello {
	l := s.cfg.Limits
	return stream.Hello{
		Node: s.cfg.Node.ID, Boot: s.boot,
		Operations: uint64(min(streamOperations, l.Pending, l.ClientRequests)), Watches: uint64(min(streamWatches, l.Watchers, l.ClientWatches)),
	}
}

// switching returns the response that begins a stream.
func (s *Server) switching() []byte {
	head := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + stream.Protocol + "\r\n"
	if own := s.ownCluster(); own != "" {
		head += httpapi.ClusterHeader + ": " + own + "\r\n"
	}
	return []byte(head + "\r\n")
}

// exchangeResponse is a response of the service to an exchange of a stream.
type exchangeResponse struct {
	id uint64
	response
	text string // for people
}

// streamConn is one stream. Its reader goroutine hands all requests of a read to the
// loop at once; its writer goroutine sends all that is to be sent with one write.
type streamConn struct {
	server *Server
	conn   net.Conn
	client *client       // as it was when the stream began
	wake   chan struct{} // holds a token if the writer has work

	gathered []exchangeResponse // of the present step; only for the loop

	deliveredMu sync.Mutex
	delivered   []exchangeResponse // for the writer

	taken []exchangeResponse // by the writer in its last turn; only for the writer

	mu      sync.Mutex // guards the following
	side    *streamserver.Conn
	batch   []clientEvent // for the loop, once mu is unlocked
	busy    bool          // as conns knows it
	revoked bool          // the client has lost its role: take nothing more
}

func newStreamConn(s *Server, conn net.Conn, of *client) *streamConn {
	c := &streamConn{server: s, conn: conn, client: of, wake: make(chan struct{}, 1)}
	c.side = streamserver.New(streamserver.Config{
		Hello: s.hello(), Buffer: streamBuffer, Ticket: s.loop.newTicket, Emit: c.emit, Gate: c,
		Name: func(*op.Request) string { return randomName() },
	})
	return c
}

// serve runs a stream until it ends. first are bytes of the client that came before.
func (c *streamConn) serve(first []byte) {
	_ = c.conn.SetDeadline(time.Time{}) // fails only if the connection is dead
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.writeLoop()
	}()
	c.readLoop(first)
	<-written
	closeNow(c.conn)
	c.abandonAll()
	c.server.conns.set(c, http.StateClosed)
	c.server.streams.remove(c, c.side.Broken())
}

// Close implements io.Closer for the limit of connections: it asks the stream to end.
func (c *streamConn) Close() error {
	go func() { // the caller holds a lock, and must not wait
		c.mu.Lock()
		c.side.Leave(stream.Idle, "other clients need the connection")
		c.mu.Unlock()
		c.signal()
	}()
	return nil
}

// signal has the writer look for work.
func (c *streamConn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// gather keeps a response for the end of the loop's step. It reports whether it is the
// first of the step.
func (c *streamConn) gather(id uint64, r response) (first bool) {
	c.gathered = append(c.gathered, exchangeResponse{id: id, response: r})
	return len(c.gathered) == 1
}

// deliver hands the gathered responses to the writer.
func (c *streamConn) deliver() {
	c.deliveredMu.Lock()
	if len(c.delivered) == 0 {
		c.delivered, c.gathered = c.gathered, c.delivered
	} else {
		c.delivered = append(c.delivered, c.gathered...)
	}
	c.deliveredMu.Unlock()
	clear(c.gathered)
	c.gathered = c.gathered[:0]
	c.signal()
}

// abandonAll tells the service that the client of all calls and watches has gone. The
// goroutines of the stream have ended.
func (c *streamConn) abandonAll() {
	c.mu.Lock() // a Close or a revocation may be under way
	c.batch = nil
	c.side.Close()
	gone := c.batch
	c.batch = nil
	c.mu.Unlock()
	c.server.loop.submit(gone)
}

// noteBusy tells the limit of connections whether the stream is idle.
func (c *streamConn) noteBusy() {
	if busy := c.side.Unfinished() > 0; busy != c.busy {
		c.busy = busy
		state := http.StateIdle
		if busy {
			state = http.StateActive
		}
		c.server.conns.set(c, state)
	}
}
