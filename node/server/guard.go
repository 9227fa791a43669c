package server

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/internal/clientlimit"
	"github.com/lockstep-dst/lockstep/node/op"
)

// forHosts refuses requests that are for a host of another name: a page of a foreign
// site has sent them whose name has begun to stand for this node's address.
func (s *Server) forHosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !s.access.hosts.Allows(r.Host) {
			s.access.audit.refused(newClient(access.Principal{}, r.RemoteAddr), r.Method, r.Host, string(httpapi.WrongHost))
			s.sendUncarried(w, r, httpapi.WrongHost, fmt.Sprintf("this node does not go by the name %.100q: use its address, or give it the name with --http-host", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// forMetrics lets clients see the metrics that have the role for it.
func (s *Server) forMetrics(handle http.HandlerFunc) http.HandlerFunc {
	if s.access.metrics == access.None {
		return handle
	}
	return s.guardedBy(s.access.metrics, access.Read, handle)
}

// isTransition reports whether a request asks for a transition.
func isTransition(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/transitions")
}

// sendUncarried responds to a request that is refused before anything is done for it. A
// transition is *unknown* if an earlier request with its id may have been carried out,
// which only its body shows.
func (s *Server) sendUncarried(w http.ResponseWriter, r *http.Request, code node.Reason, text string) {
	if code == op.Unauthenticated && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	f := httpapi.Failure{Outcome: node.Rejected.String()}
	if isTransition(r) {
		f.Outcome = s.outcomeUncarried(w, r).String()
	}
	sendFailure(w, httpapi.StatusOf(code), f, code, text)
}

// outcomeUncarried returns the outcome of a transition that is refused. The body of a
// client beyond its share is not read.
func (s *Server) outcomeUncarried(w http.ResponseWriter, r *http.Request) op.Outcome {
	share := shareOf(access.Principal{}, r.RemoteAddr)
	if s.clients.request(share, maxBody) != clientlimit.Admitted {
		return op.Unknown
	}
	defer s.clients.done(share, maxBody)
	req, err := s.readProposal(w, r)
	if err != nil {
		return op.Rejected // it would not have been carried out at any time
	}
	return req.NotCarriedOut(op.Forbidden).Outcome
}

// sendUnpermitted responds to an operation that the client may not request.
func (s *Server) sendUnpermitted(w http.ResponseWriter, req *node.Request, code node.Reason, text string) {
	if code == op.Unauthenticated {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	sendResponse(w, httpapi.Encode(req, req.NotCarriedOut(code), httpapi.Responder{}, text))
}

// sendBodyError responds to a request with a body that cannot be read. One that did not
// come in time may be the retry of a transition that was carried out.
func sendBodyError(w http.ResponseWriter, r *http.Request, err error) {
	f := httpapi.Failure{Outcome: node.Rejected.String()}
	var tooLarge *http.MaxBytesError
	code, text := node.BadRequest, err.Error()
	switch {
	case errors.As(err, &tooLarge):
		code, text = httpapi.TooLarge, fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		code, text = httpapi.TooSlow, "the body did not come in time"
		w.Header().Set("Connection", "close")
		if isTransition(r) {
			f.Outcome = node.Unknown.String()
		}
	case errors.Is(err, errMedia):
		code = httpapi.UnsupportedMedia
		w.Header().Set("Accept", strings.TrimSpace(strings.TrimPrefix(text, errMedia.Error()+": want")))
	}
	sendFailure(w, httpapi.StatusOf(code), f, code, text)
}

// errMedia is wrapped by the error for a body of another form than a request takes.
var errMedia = errors.New("the header Content-Type of the body")

// checkMedia returns the media type of a request's body, which must be one of those
// given. A page of another origin cannot send these without asking first.
func checkMedia(r *http.Request, wanted ...string) (string, error) {
	got := httpapi.MediaType(r.Header.Values("Content-Type"))
	for _, kind := range wanted {
		if got == kind {
			return kind, nil
		}
	}
	return "", fmt.Errorf("%w: want %s", errMedia, strings.Join(wanted, ", "))
}

// bodyIsRead lets the client wait for its response without a deadline for more bytes.
func bodyIsRead(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // fails only if the connection is dead
}

var errBody = errors.New("the request takes no body, and no parameters")

// checkNoBody returns an error if a request that takes no body has one, or parameters.
func checkNoBody(r *http.Request) error {
	if r.URL.RawQuery != "" || r.ContentLength != 0 {
		return errBody
	}
	return nil
}
