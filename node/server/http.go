package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 64 << 10

// routes returns the handlers of the client endpoints, as in docs/openapi.yaml.
func (s *Server) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /v1/machines":                                  s.guarded(access.Read, s.limited(pageResponse, s.list)),
		"GET /v1/machines/{definition}/{name}":              s.guarded(access.Read, s.limited(smallResponse, s.get)),
		"POST /v1/machines/{definition}/{name}/operations":  s.guarded(access.Propose, s.limited(smallResponse, s.issueID)),
		"POST /v1/machines/{definition}/{name}/transitions": s.guarded(access.Propose, s.limited(smallResponse, s.propose)),
		"POST /v1/backup":                                   s.guarded(access.Backup, s.limited(pageResponse, s.backup)),
		"POST /v1/definitions":                              s.guarded(access.Define, s.limited(smallResponse, s.define)),
		"GET /v1/definitions":                               s.guarded(access.Read, s.limited(pageResponse, s.definitions)),
		"GET /v1/members":                                   s.guarded(access.Read, s.limited(smallResponse, s.members)),
		"POST /v1/members":                                  s.guarded(access.Reconfigure, s.limited(smallResponse, s.changeMembers)),
		"GET /v1/watch":                                     s.guarded(access.Read, s.watch),
		"GET /v1/stream":                                    s.guarded(access.Read, s.limited(smallResponse, s.upgrade)),
		"GET /v1/status":                                    s.guarded(access.Read, s.limited(smallResponse, s.status)),
		"GET /metrics":                                      s.forMetrics(promhttp.HandlerFor(s.metrics.gatherer(), promhttp.HandlerOpts{}).ServeHTTP),
		"GET /livez":                                        s.livez,
		"GET /readyz":                                       s.readyz,
	}
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range s.routes() {
		mux.HandleFunc(pattern, handle)
	}
	return s.withDeadlines(s.forHosts(s.guardCluster(jsonErrors(mux))))
}

// withDeadlines bounds the time that a client takes to send its request and to read
// the response. It does not bound the time that the node takes.
func (s *Server) withDeadlines(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if r.ContentLength != 0 {
			_ = c.SetReadDeadline(time.Now().Add(s.cfg.Limits.IOTimeout)) // fails only if the connection is dead
		}
		_ = c.SetWriteDeadline(time.Now().Add(s.cfg.Limits.IOTimeout))
		next.ServeHTTP(&deadlineWriter{w, c, s.cfg.Limits.IOTimeout, &s.responses, false}, r)
	})
}

// deadlineWriter sets a new write deadline before every write, and counts the response. The
// last deadline also holds for the bytes that the server sends after the handler returns.
type deadlineWriter struct {
	http.ResponseWriter
	c         *http.ResponseController
	timeout   time.Duration
	responses *responseCounts
	counted   bool
}

// WriteHeader implements http.ResponseWriter.
func (w *deadlineWriter) WriteHeader(status int) {
	w.count(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *deadlineWriter) count(status int) {
	if !w.counted {
		w.counted = true
		w.responses.add(status)
	}
}

// Write implements http.ResponseWriter.
func (w *deadlineWriter) Write(p []byte) (int, error) {
	w.count(http.StatusOK)
	_ = w.c.SetWriteDeadline(time.Now().Add(w.timeout))
	return w.ResponseWriter.Write(p)
}

// Unwrap gives http.ResponseController the wrapped writer.
func (w *deadlineWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func machineKey(r *http.Request) (string, error) { return httpapi.KeyIn(r.URL.EscapedPath()) }

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	key, err := machineKey(r)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	kind, err := httpapi.ReadKind(r.URL.RawQuery)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	s.forward(w, r, newRead(kind, key))
}

// forward sends a request to the node and writes the node's reply.
func (s *Server) forward(w http.ResponseWriter, r *http.Request, req *node.Request) {
	reply, err := s.loop.call(req, r.Context().Done())
	s.sendReply(w, req, reply, err)
}

// sendReply writes the outcome of a request.
func (s *Server) sendReply(w http.ResponseWriter, req *node.Request, reply *node.Reply, err error) {
	if err != nil {
		sendUnavailable(w, req, err)
		return
	}
	s.sendNodeReply(w, req, reply)
}

// sendNodeReply writes the node's reply to a request.
func (s *Server) sendNodeReply(w http.ResponseWriter, req *node.Request, reply *node.Reply) {
	text := failureText(req, reply)
	if reply.Reason == node.Abstains {
		text = "this node takes no part, and others may: " + s.Status().Reason
	}
	sendResponse(w, httpapi.Encode(req, reply, httpapi.Responder{Node: s.cfg.Node.ID, Boot: s.boot}, text))
}

// sendRefused responds to a listing or a watch that the service refuses.
func (s *Server) sendRefused(w http.ResponseWriter, reply *node.Reply, err error) {
	switch {
	case reply.Reason == node.BadRequest:
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
	case err != nil:
		sendUnavailable(w, nil, err)
	default:
		s.sendNodeReply(w, &node.Request{Key: reply.Key}, reply)
	}
}

// sendUnavailable responds to a request without a reply from the node. req is nil
// for requests that are no operation of the node, as listings.
func sendUnavailable(w http.ResponseWriter, req *node.Request, err error) {
	reply := service.Unserved(req, err)
	if req == nil {
		req = &node.Request{}
	}
	sendResponse(w, httpapi.Encode(req, reply, httpapi.Responder{}, err.Error()))
}

// sendRejected responds to a request that was not carried out at all.
func sendRejected(w http.ResponseWriter, status int, why node.Reason, text string) {
	sendFailure(w, status, httpapi.Failure{Outcome: node.Rejected.String()}, why, text)
}

// sendFailure writes a failure, of which the outcome and what goes with it is set.
func sendFailure(w http.ResponseWriter, status int, f httpapi.Failure, why node.Reason, text string) {
	told := httpapi.NewFailure(status, why, text)
	f.Problem, f.Error = told.Problem, told.Error
	sendResponse(w, httpapi.Response{Status: status, Body: f})
}

// sendResponse writes a response. If the node is unavailable, it advises the client
// to wait for a second.
func sendResponse(w http.ResponseWriter, r httpapi.Response) {
	if r.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	sendJSON(w, r.Status, r.Body)
}

// sendJSON writes a value, or a failure. The encoder escapes characters that HTML has a meaning for.
func sendJSON(w http.ResponseWriter, status int, v any) {
	kind := httpapi.JSON
	if _, failed := v.(httpapi.Failure); failed {
		kind = httpapi.ProblemType
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
