package server

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxBody bounds what a client may send.
const maxBody = 64 << 10

// Machine is the answer to a client whose operation was committed.
type Machine struct {
	Key     string `json:"key"`
	State   string `json:"state"`
	Version uint64 `json:"version"` // transitions made
	Serial  uint64 `json:"serial"`  // entries made; see Transition.Base
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
	mux.HandleFunc("GET /v1/machines/{definition}/{name}", s.get)
	mux.HandleFunc("POST /v1/machines/{definition}/{name}/transitions", s.propose)
	mux.HandleFunc("POST /v1/definitions", s.define)
	mux.HandleFunc("GET /v1/definitions", s.definitions)
	mux.HandleFunc("GET /v1/status", s.status)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "alive\n") })
	mux.HandleFunc("GET /readyz", s.readyz)
	return mux
}

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
	if req.ID == "" {
		req.ID = newOpID()
	}
	if t.ExpectVersion != nil {
		req.Expects, req.Expect = true, *t.ExpectVersion
	}
	s.answer(w, r, req)
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
	switch {
	case errors.Is(err, ErrBusy):
		refuse(w, http.StatusServiceUnavailable, node.Overloaded, err.Error())
	case err != nil: // asked, and no answer will come
		fail(w, http.StatusServiceUnavailable, Failure{Outcome: "unknown"}, "stopping", err.Error())
	case reply.Outcome == node.Committed:
		send(w, http.StatusOK, Machine{req.Key, reply.State, reply.Version, reply.Serial})
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
	switch reply.Reason {
	case node.Illegal, node.Mismatch, node.Forgotten:
		status = http.StatusConflict
	case node.Overloaded:
		status = http.StatusServiceUnavailable
	case node.UnknownDefinition:
		status = http.StatusNotFound
	case node.UnknownState:
		status = http.StatusUnprocessableEntity
	}
	f := Failure{Outcome: reply.Outcome.String(), Final: reply.Final}
	if reply.State != "" {
		f.Current = &Machine{req.Key, reply.State, reply.Version, reply.Serial}
	}
	fail(w, status, f, string(reply.Reason), text)
}

// refuse answers a request that was not carried out at all.
func refuse(w http.ResponseWriter, status int, why node.Reason, text string) {
	fail(w, status, Failure{Outcome: node.Rejected.String()}, string(why), text)
}

func fail(w http.ResponseWriter, status int, f Failure, code, text string) {
	f.Error.Code, f.Error.Text = code, text
	send(w, status, f)
}

func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// Status is what a node says of itself.
type Status struct {
	Node        node.ID      `json:"node"`
	Cluster     string       `json:"cluster"`
	Incarnation string       `json:"incarnation"`
	Boot        uint64       `json:"boot"`
	Ready       bool         `json:"ready"`
	Reason      string       `json:"reason,omitempty"` // why it is not
	Machines    int          `json:"machines"`
	Commits     uint64       `json:"commits"`
	Peers       []PeerStatus `json:"peers"`
}

// PeerStatus is what a node knows of another.
type PeerStatus struct {
	Node    node.ID `json:"node"`
	Address string  `json:"address"`
	Up      bool    `json:"up"`
	Error   string  `json:"error,omitempty"`
}

// Status looks at the node.
func (s *Server) Status() Status {
	st := Status{Node: s.cfg.Node.ID, Cluster: s.cfg.Cluster}
	recovered := false
	s.loop.look(func(n *node.Node) {
		incarnation := n.Incarnation()
		st.Incarnation = fmt.Sprintf("%x", incarnation[:])
		st.Boot, recovered = n.Boots(), n.Ready()
		st.Machines, st.Commits = n.Machines(), n.Counters().Commits
	})
	up := 1
	for _, p := range s.transport.Peers() {
		peer := PeerStatus{Node: p.ID, Address: p.Addr, Up: p.Up}
		if p.Up {
			up++
		} else {
			peer.Error = p.LastError
		}
		st.Peers = append(st.Peers, peer)
	}
	var why []string
	if !recovered {
		why = append(why, "its log is not recovered yet")
	}
	if majority := len(s.cfg.Peers)/2 + 1; up < majority {
		why = append(why, fmt.Sprintf("it reaches %d of %d members, itself included, and needs %d", up, len(s.cfg.Peers), majority))
	}
	if s.loop.draining.Load() {
		why = append(why, "it is stopping")
	}
	st.Reason = strings.Join(why, "; ")
	st.Ready = len(why) == 0
	return st
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) { send(w, http.StatusOK, s.Status()) }

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if st := s.Status(); !st.Ready {
		http.Error(w, "not ready: "+st.Reason, http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ready\n")
}
