package server

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/internal/clientlimit"
	"github.com/lockstep-dst/lockstep/node/op"
)

// rememberedClients is the number of idle clients of which the node knows how much of
// their rate they have used.
const rememberedClients = 16 << 10

// clientLimits gives each client its share of the node. It is safe for concurrent use.
type clientLimits struct {
	began time.Time
	mu    sync.Mutex
	table *clientlimit.Table
}

func newClientLimits(l Limits) *clientLimits {
	return &clientLimits{began: time.Now(), table: clientlimit.New(l.ofClient(), rememberedClients)}
}

func (l *clientLimits) request(share string, bytes int) clientlimit.Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.Request(time.Since(l.began), share, bytes)
}

func (l *clientLimits) done(share string, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.table.Done(share, bytes)
}

func (l *clientLimits) watch(share string) clientlimit.Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.Watch(share)
}

func (l *clientLimits) watchDone(share string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.table.WatchDone(share)
}

// refused returns the number of requests and watches that were beyond a client's share.
func (l *clientLimits) refused() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.Refused()
}

// Bytes that a request and its response hold, besides its body, as they are counted.
const (
	smallResponse = 1 << 10
	pageResponse  = 256 << 10
)

// limited returns a handler of requests that count against the client's share until they
// are answered, each with its body and so many bytes of its response.
func (s *Server) limited(response int, handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		share, bytes := clientOf(r).share, response
		switch {
		case r.ContentLength < 0 || r.ContentLength > maxBody:
			bytes += maxBody
		default:
			bytes += int(r.ContentLength)
		}
		if v := s.clients.request(share, bytes); v != clientlimit.Admitted {
			sendLimited(w, r, s.limitText(v))
			return
		}
		defer s.clients.done(share, bytes)
		handle(w, r)
	}
}

// limitText explains to people why a request is beyond the client's share.
func (s *Server) limitText(v clientlimit.Verdict) string {
	l := s.cfg.Limits.ofClient()
	most := map[clientlimit.Verdict]int{
		clientlimit.TooFast: l.Rate, clientlimit.TooManyRequests: l.Requests, clientlimit.TooManyBytes: l.Bytes, clientlimit.TooManyWatches: l.Watches,
	}[v]
	return fmt.Sprintf("this client may have %d %v at this node: try again later, or at another", most, v)
}

// sendLimited responds to a request beyond the client's share. Its body is not read: so
// a transition may be the retry of one that was carried out.
func sendLimited(w http.ResponseWriter, r *http.Request, text string) {
	f := httpapi.Failure{Outcome: op.Rejected.String()}
	if isTransition(r) {
		f.Outcome = op.Unknown.String()
	}
	w.Header().Set("Retry-After", "1")
	sendFailure(w, http.StatusTooManyRequests, f, op.RateLimited, text)
}
