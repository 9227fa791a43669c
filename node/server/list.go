package server

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/lockstep-dst/lockstep/node"
)

// Page is one page of a listing, ordered by key.
type Page struct {
	Machines    []Listed `json:"machines"`
	Next        string   `json:"next,omitempty"` // the start of the next page; empty: this is the last
	Consistency string   `json:"consistency"`    // local or linearizable
	Node        node.ID  `json:"node"`           // the responding node
}

// Listed is a machine in a listing.
type Listed struct {
	Key     string `json:"key"`
	State   string `json:"state,omitempty"`
	Version uint64 `json:"version,omitempty"`
	Unknown bool   `json:"unknown,omitempty"` // the node has accepted a value and learnt none: ignore state and version
}

// Bounds of a page.
const (
	defaultLimit = 100
	maxLimit     = 1000
	maxScan      = 64 * pageSize // machines scanned for one request
	maxReaders   = 32            // concurrent reads for one page
)

// listQuery is the parsed query of a listing.
type listQuery struct {
	prefix, after, state string
	limit                int
	linearizable         bool
}

func parseListQuery(r *http.Request) (listQuery, error) {
	q := r.URL.Query()
	l := listQuery{prefix: q.Get("prefix"), after: q.Get("after"), state: q.Get("state"), limit: defaultLimit}
	for name := range q {
		switch name {
		case "prefix", "after", "state", "limit", "consistency":
		default:
			return l, fmt.Errorf("%s: no such parameter: want prefix, after, limit, state or consistency", name)
		}
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return l, fmt.Errorf("limit %q: want 1 to %d", text, maxLimit)
		}
		l.limit = n
	}
	switch c := q.Get("consistency"); c {
	case "", "local":
	case "linearizable":
		l.linearizable = true
	default:
		return l, fmt.Errorf("consistency %q: want local or linearizable", c)
	}
	return l, nil
}

// list responds with a page of the machines of which this node has accepted or
// learnt a value. A page may be shorter than requested, even empty; the last page is
// the one without Next.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	l, err := parseListQuery(r)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	if s.rejectIfAbstaining(w) {
		return
	}
	p := Page{Machines: []Listed{}, Consistency: "local", Node: s.cfg.Node.ID}
	if l.linearizable {
		p.Consistency = "linearizable"
	}
	if err := s.fillPage(r, &l, &p); err != nil {
		sendUnavailable(w, nil, err)
		return
	}
	if l.linearizable {
		if reply, err := s.readMachines(r, &l, &p); err != nil {
			sendUnavailable(w, nil, err)
			return
		} else if reply != nil {
			s.sendNotCommitted(w, &node.Request{Key: reply.Key}, reply)
			return
		}
	}
	sendJSON(w, http.StatusOK, p)
}

// fillPage fills a page from the index, in batches, so that the node does other work
// between them.
func (s *Server) fillPage(r *http.Request, l *listQuery, p *Page) error {
	after, state := l.after, l.state
	if l.linearizable {
		state = "" // the linearizable reads find the state
	}
	for range maxScan / pageSize {
		var piece []indexItem
		var more bool
		if !s.loop.do(func(*node.Node) { piece, more = s.loop.index.page(l.prefix, after, pageSize) }) {
			return s.loop.stoppingError()
		}
		for _, e := range piece {
			if len(p.Machines) == l.limit {
				p.Next = after
				return nil
			}
			after = e.key
			if m := toListed(e); state == "" || m.State == state {
				p.Machines = append(p.Machines, m)
			}
		}
		if !more {
			return nil
		}
		if r.Context().Err() != nil {
			return errClientGone
		}
	}
	p.Next = after
	return nil
}

var errClientGone = errors.New("the client has gone")

func toListed(e indexItem) Listed {
	if e.value == nil {
		return Listed{Key: e.key, Unknown: true}
	}
	return Listed{Key: e.key, State: e.value.State, Version: e.value.Version}
}

// readMachines reads every machine of a page and keeps the existing ones with the
// requested state. The returned reply is the first that is not a commit, or nil.
func (s *Server) readMachines(r *http.Request, l *listQuery, p *Page) (*node.Reply, error) {
	replies, errs := make([]*node.Reply, len(p.Machines)), make([]error, len(p.Machines))
	var all sync.WaitGroup
	for first := range min(maxReaders, len(p.Machines)) {
		all.Go(func() {
			for i := first; i < len(p.Machines); i += maxReaders {
				replies[i], errs[i] = s.loop.call(newRead(node.Read, p.Machines[i].Key), r.Context().Done())
				if errs[i] != nil || replies[i].Outcome != node.Committed {
					return
				}
			}
		})
	}
	all.Wait()
	kept := p.Machines[:0]
	for i, m := range p.Machines {
		switch reply := replies[i]; {
		case errs[i] != nil:
			return nil, errs[i]
		case reply == nil: // another reader has the reason
		case reply.Outcome != node.Committed:
			return reply, nil
		case reply.Version > 0 && (l.state == "" || reply.State == l.state):
			kept = append(kept, Listed{Key: m.Key, State: reply.State, Version: reply.Version})
		}
	}
	p.Machines = kept
	return nil, nil
}
