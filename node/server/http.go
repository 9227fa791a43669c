package server

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxBody bounds what a client may send.
const maxBody = 64 << 10

// Local is the answer to a local read: what one life of one node has learnt.
type Local struct {
	Machine
	Node node.ID `json:"node"`
	Boot uint64  `json:"boot"` // the number of the node's life: what a life tells of a machine does not go back
}

// Transition is the body of a proposal.
type Transition struct {
	To            string  `json:"to"`
	Operation     string  `json:"operation,omitempty"` // its id, the same in every attempt; empty: one is made up
	Attempt       uint32  `json:"attempt,omitempty"`
	Base          uint64  `json:"base,omitempty"`  // a serial number known before the first attempt
	Retry         bool    `json:"retry,omitempty"` // an earlier attempt may be under way
	ExpectVersion *uint64 `json:"expect_version,omitempty"`
}

// Failure is the answer to a client whose operation was not committed.
type Failure struct {
	Error struct {
		Code string `json:"code"` // the reason, for programs
		Text string `json:"text"` // for people
	} `json:"error"`
	Outcome string   `json:"outcome"`         // rejected or unknown
	Final   bool     `json:"final,omitempty"` // rejected: so are all other attempts
	Current *Machine `json:"current,omitempty"`
}

// handler is what clients can ask for.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/machines", s.list)
	mux.HandleFunc("GET /v1/machines/{definition}/{name}", s.get)
	mux.HandleFunc("POST /v1/machines/{definition}/{name}/transitions", s.propose)
	mux.HandleFunc("POST /v1/definitions", s.define)
	mux.HandleFunc("GET /v1/definitions", s.definitions)
	mux.HandleFunc("GET /v1/watch", s.watch)
	mux.HandleFunc("GET /v1/status", s.status)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "alive\n") })
	mux.HandleFunc("GET /readyz", s.readyz)
	return s.hurried(mux)
}

// hurried bounds the time that a client takes, but not the time that the node
// takes to answer.
func (s *Server) hurried(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if r.ContentLength != 0 {
			_ = c.SetReadDeadline(time.Now().Add(s.cfg.Limits.Patience)) // it can only fail if the connection is dead
		}
		_ = c.SetWriteDeadline(time.Now().Add(s.cfg.Limits.Patience))
		next.ServeHTTP(&hurriedWriter{w, c, s.cfg.Limits.Patience}, r)
	})
}

// hurriedWriter is given some time for every write, and for what the server
// sends when the handler has returned.
type hurriedWriter struct {
	http.ResponseWriter
	c        *http.ResponseController
	patience time.Duration
}

// Write implements http.ResponseWriter.
func (w *hurriedWriter) Write(p []byte) (int, error) {
	_ = w.c.SetWriteDeadline(time.Now().Add(w.patience))
	return w.ResponseWriter.Write(p)
}

// Unwrap is for an http.ResponseController.
func (w *hurriedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func machineKey(r *http.Request) (string, error) {
	key := r.PathValue("definition") + "/" + r.PathValue("name")
	_, _, err := fsm.SplitKey(key)
	return key, err
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	key, err := machineKey(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	kind := node.Read
	switch c := r.URL.Query().Get("consistency"); c {
	case "", "linearizable":
	case "local":
		kind = node.ReadLocal
	default:
		refuse(w, http.StatusBadRequest, node.BadRequest, fmt.Sprintf("consistency %q: want local or linearizable", c))
		return
	}
	s.answer(w, r, &node.Request{Kind: kind, Key: key, ID: newOpID(), Attempt: 1})
}

func (s *Server) propose(w http.ResponseWriter, r *http.Request) {
	key, err := machineKey(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	t, err := readTransition(w, r)
	if err != nil {
		refuse(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	req := &node.Request{
		Kind: node.Propose, Key: key, ID: node.OpID(t.Operation), Attempt: max(1, t.Attempt),
		To: t.To, Base: t.Base, Retry: t.Retry,
	}
	if t.ExpectVersion != nil {
		req.Expects, req.Expect = true, *t.ExpectVersion
	}
	if t.Operation == "" {
		reply, err := s.begin(r, req)
		s.tell(w, req, reply, err)
		return
	}
	s.answer(w, r, req)
}

// begin carries out an operation that begins here and now: a serial number
// that is chosen by now is a base for it. If the node knows of none that is new enough it
// is told one, by a certain reject, and the operation begins again.
func (s *Server) begin(r *http.Request, req *node.Request) (*node.Reply, error) {
	once := func(base uint64) (*node.Reply, error) {
		asked := *req
		asked.ID, asked.Base = newOpID(), max(req.Base, base)
		return s.loop.call(&asked, r.Context().Done())
	}
	reply, err := once(s.loop.serial(req.Key))
	if err == nil && reply.Outcome == node.Rejected && reply.Reason == node.Forgotten {
		reply, err = once(reply.Serial)
	}
	return reply, err
}

// readTransition reads a proposal, strictly.
func readTransition(w http.ResponseWriter, r *http.Request) (Transition, error) {
	var t Transition
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return t, fmt.Errorf("body: %w: want {\"to\":STATE,...}", err)
	}
	if d.More() {
		return t, errors.New("body: more than one value")
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // all is read: the client may wait
	if t.To == "" {
		return t, errors.New("to: missing: name the state to go to")
	}
	if len(t.Operation) > node.MaxOpID {
		return t, fmt.Errorf("operation: %d bytes: want at most %d", len(t.Operation), node.MaxOpID)
	}
	return t, nil
}

// newOpID makes up an operation id. It is of use only while its client is sure
// to ask once.
func newOpID() node.OpID { return node.OpID("-" + rand.Text()) }

// answer asks the node and says what came of it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, req *node.Request) {
	reply, err := s.loop.call(req, r.Context().Done())
	s.tell(w, req, reply, err)
}

// tell says what came of a request.
func (s *Server) tell(w http.ResponseWriter, req *node.Request, reply *node.Reply, err error) {
	switch {
	case err != nil:
		turnAway(w, err)
	case reply.Outcome == node.Committed:
		m := Machine{Key: req.Key, State: reply.State, Version: reply.Version, Serial: reply.Serial}
		if req.Kind == node.ReadLocal {
			send(w, http.StatusOK, Local{Machine: m, Node: s.cfg.Node.ID, Boot: s.life})
		} else {
			send(w, http.StatusOK, m)
		}
	default:
		s.explain(w, req, reply)
	}
}

// explain says why an operation was not committed.
func (s *Server) explain(w http.ResponseWriter, req *node.Request, reply *node.Reply) {
	status := http.StatusGatewayTimeout
	text := map[node.Reason]string{
		node.Illegal:           fmt.Sprintf("%s is in %s, from which %s cannot be reached", req.Key, reply.State, req.To),
		node.Mismatch:          fmt.Sprintf("%s is at version %d, not %d", req.Key, reply.Version, req.Expect),
		node.Overloaded:        "too many operations wait for this machine: try again later",
		node.Timeout:           "no majority of the nodes answered in time",
		node.UnknownDefinition: fmt.Sprintf("%s: no node knows its definition", req.Key),
		node.UnknownState:      fmt.Sprintf("%s: its definition has no state %q", req.Key, req.To),
		node.Forgotten:         "the version that the client knew is too old to tell whether the operation has taken effect: begin again from the current one",
	}[reply.Reason]
	if reply.Reason == node.Abstains {
		text = "this node takes no part, and others may: " + s.Status().Reason
	}
	switch reply.Reason {
	case node.Illegal, node.Mismatch, node.Forgotten:
		status = http.StatusConflict
	case node.Overloaded, node.Abstains:
		status = http.StatusServiceUnavailable
	case node.UnknownDefinition:
		status = http.StatusNotFound
	case node.UnknownState:
		status = http.StatusUnprocessableEntity
	}
	f := Failure{Outcome: reply.Outcome.String(), Final: reply.Final}
	if reply.State != "" {
		f.Current = &Machine{Key: req.Key, State: reply.State, Version: reply.Version, Serial: reply.Serial}
	}
	fail(w, status, f, reply.Reason, text)
}

// turnsAway answers for a node that takes no part, which tells nothing of what its
// log holds either: it may be older than what this node has told before.
func (s *Server) turnsAway(w http.ResponseWriter) bool {
	if !s.loop.abstains.Load() {
		return false
	}
	s.explain(w, &node.Request{}, &node.Reply{Outcome: node.Rejected, Reason: node.Abstains})
	return true
}

// turnAway answers a request that got no answer from the node.
func turnAway(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrBusy):
		refuse(w, http.StatusServiceUnavailable, node.Overloaded, err.Error())
	case errors.Is(err, ErrStopping):
		refuse(w, http.StatusServiceUnavailable, stopping, err.Error())
	default: // the node had it, and no answer will come
		fail(w, http.StatusServiceUnavailable, Failure{Outcome: node.Unknown.String()}, stopping, err.Error())
	}
}

// stopping is the reason of a node that stops, or has stopped, for not answering.
const stopping node.Reason = "stopping"

// refuse answers a request that was not carried out at all.
func refuse(w http.ResponseWriter, status int, why node.Reason, text string) {
	fail(w, status, Failure{Outcome: node.Rejected.String()}, why, text)
}

func fail(w http.ResponseWriter, status int, f Failure, why node.Reason, text string) {
	f.Error.Code, f.Error.Text = string(why), text
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	send(w, status, f)
}

func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
