package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 64 << 10

// Local is the response to a local read: the state that one life of one node has
// learnt.
type Local struct {
	Machine
	Unknown bool    `json:"unknown,omitempty"` // the node has accepted a value and does not know whether it is chosen: ignore state and version
	Node    node.ID `json:"node"`
	Boot    uint64  `json:"boot"` // boot number of the node: within one boot, versions of a machine do not go back
}

// Unlearnt is the form of Local that a node sends while it does not know the
// machine's state.
type Unlearnt struct {
	Key     string  `json:"key"`
	Unknown bool    `json:"unknown"`
	Node    node.ID `json:"node"`
	Boot    uint64  `json:"boot"`
}

// Failure is the response to an operation that was not committed.
type Failure struct {
	Error struct {
		Code string `json:"code"` // reason, for programs
		Text string `json:"text"` // explanation, for people
	} `json:"error"`
	Outcome  string   `json:"outcome"`            // rejected, unknown or conflict
	Final    bool     `json:"final,omitempty"`    // rejected: all other attempts are rejected, too
	Current  *Machine `json:"current,omitempty"`  // present state of the machine
	Recorded *Machine `json:"recorded,omitempty"` // conflict: result of the operation with this id
}

// routes returns the handlers of the client endpoints, as in docs/openapi.yaml.
func (s *Server) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /v1/machines":                                  s.list,
		"GET /v1/machines/{definition}/{name}":              s.get,
		"POST /v1/machines/{definition}/{name}/operations":  s.issueID,
		"POST /v1/machines/{definition}/{name}/transitions": s.propose,
		"POST /v1/definitions":                              s.define,
		"GET /v1/definitions":                               s.definitions,
		"GET /v1/watch":                                     s.watch,
		"GET /v1/status":                                    s.status,
		"GET /metrics":                                      promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP,
		"GET /livez":                                        func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "alive\n") },
		"GET /readyz":                                       s.readyz,
	}
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range s.routes() {
		mux.HandleFunc(pattern, handle)
	}
	return s.withDeadlines(jsonErrors(mux))
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
		next.ServeHTTP(&deadlineWriter{w, c, s.cfg.Limits.IOTimeout}, r)
	})
}

// deadlineWriter sets a new write deadline before every write. The last one also
// holds for the bytes that the server sends after the handler returns.
type deadlineWriter struct {
	http.ResponseWriter
	c       *http.ResponseController
	timeout time.Duration
}

// Write implements http.ResponseWriter.
func (w *deadlineWriter) Write(p []byte) (int, error) {
	_ = w.c.SetWriteDeadline(time.Now().Add(w.timeout))
	return w.ResponseWriter.Write(p)
}

// Unwrap gives http.ResponseController the wrapped writer.
func (w *deadlineWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func machineKey(r *http.Request) (string, error) {
	key := r.PathValue("definition") + "/" + r.PathValue("name")
	_, _, err := fsm.SplitKey(key)
	return key, err
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	key, err := machineKey(r)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	kind := node.Read
	switch c := r.URL.Query().Get("consistency"); c {
	case "", "linearizable":
	case "local":
		kind = node.ReadLocal
	default:
		sendRejected(w, http.StatusBadRequest, node.BadRequest, fmt.Sprintf("consistency %q: want local or linearizable", c))
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
	switch {
	case err != nil:
		sendUnavailable(w, req, err)
	case reply.Outcome == node.Committed:
		m := Machine{Key: req.Key, State: reply.State, Version: reply.Version, Serial: reply.Serial}
		if req.Kind == node.ReadLocal {
			sendJSON(w, http.StatusOK, Local{Machine: m, Node: s.cfg.Node.ID, Boot: s.boot})
		} else {
			sendJSON(w, http.StatusOK, m)
		}
	case reply.Reason == node.NotLearnt:
		sendJSON(w, http.StatusOK, Unlearnt{Key: req.Key, Unknown: true, Node: s.cfg.Node.ID, Boot: s.boot})
	default:
		s.sendNotCommitted(w, req, reply)
	}
}

// sendNotCommitted writes the reason why an operation was not committed.
func (s *Server) sendNotCommitted(w http.ResponseWriter, req *node.Request, reply *node.Reply) {
	f := Failure{Outcome: reply.Outcome.String(), Final: reply.Final}
	if reply.State != "" {
		f.Current = &Machine{Key: req.Key, State: reply.State, Version: reply.Version, Serial: reply.Serial}
	}
	if reply.Reason == node.IDConflict {
		f.Outcome, f.Recorded, f.Current = conflict, f.Current, nil
	}
	text := failureText(req, reply)
	if reply.Reason == node.Abstains {
		text = "this node takes no part, and others may: " + s.Status().Reason
	}
	sendFailure(w, statusOf(reply.Reason), f, reply.Reason, text)
}

// conflict is the outcome of a request that reuses the id of another operation.
const conflict = "conflict"

// statusOf returns the HTTP status of a reply that is not a commit.
func statusOf(why node.Reason) int {
	switch why {
	case node.Illegal, node.VersionMismatch, node.WindowExpired, node.WatermarkAhead, node.IDConflict:
		return http.StatusConflict
	case node.Overloaded, node.Abstains:
		return http.StatusServiceUnavailable
	case node.UnknownDefinition:
		return http.StatusNotFound
	case node.UnknownState:
		return http.StatusUnprocessableEntity
	case node.BadRequest:
		return http.StatusBadRequest
	}
	return http.StatusGatewayTimeout
}

// sendRefused responds to a listing or a watch that the service refuses.
func (s *Server) sendRefused(w http.ResponseWriter, reply *node.Reply, err error) {
	switch {
	case reply.Reason == node.BadRequest:
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
	case err != nil:
		sendUnavailable(w, nil, err)
	default:
		s.sendNotCommitted(w, &node.Request{Key: reply.Key}, reply)
	}
}

// sendUnavailable responds to a request without a reply from the node. req is nil
// for requests that are no operation of the node, as listings.
func sendUnavailable(w http.ResponseWriter, req *node.Request, err error) {
	why, outcome := node.Stopping, node.Rejected
	switch {
	case errors.Is(err, service.ErrBusy):
		why = node.Overloaded
	case !errors.Is(err, service.ErrStopping): // the node had the request, and will send no reply
		outcome = node.Unknown
	}
	if req != nil && req.Retry { // an earlier attempt may take effect, or has
		outcome = node.Unknown
	}
	sendFailure(w, http.StatusServiceUnavailable, Failure{Outcome: outcome.String()}, why, err.Error())
}

// sendRejected responds to a request that was not carried out at all.
func sendRejected(w http.ResponseWriter, status int, why node.Reason, text string) {
	sendFailure(w, status, Failure{Outcome: node.Rejected.String()}, why, text)
}

func sendFailure(w http.ResponseWriter, status int, f Failure, why node.Reason, text string) {
	f.Error.Code, f.Error.Text = string(why), text
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	sendJSON(w, status, f)
}

func sendJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
