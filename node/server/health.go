package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/service"
)

// aliveTimeout is the time after which a loop that answers nothing counts as dead. It is
// much longer than any step.
const aliveTimeout = 5 * time.Second

// livez tells whether the process is of use: its loop takes steps. A node that stops, or
// lacks a majority, is alive: to start it again would not help.
func (s *Server) livez(w http.ResponseWriter, r *http.Request) {
	reason := ""
	switch {
	case s.loop.answers(aliveTimeout):
	case s.loop.ended():
		reason = service.WithCause(errNotRunning, s.loop.err).Error()
	default:
		reason = fmt.Sprintf("its loop has taken no step for %v", aliveTimeout)
	}
	s.sendHealth(w, r, "alive", []service.Check{{Name: "loop", Reason: reason}})
}

// readyz tells whether the node can serve clients, and why not.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if !s.loop.ended() && !s.loop.answers(aliveTimeout) {
		s.sendHealth(w, r, "ready", []service.Check{{Name: "loop", Reason: fmt.Sprintf("its loop has taken no step for %v", aliveTimeout)}})
		return
	}
	var checks []service.Check
	s.loop.inspect(func(x *service.Service) { checks = x.Readiness(s.surroundings()) })
	s.sendHealth(w, r, "ready", checks)
}

// surroundings returns what the service does not know of the node. It is called while
// nothing else uses the service.
func (s *Server) surroundings() service.Surroundings {
	x := service.Surroundings{Now: s.loop.now()}
	if s.loop.ended() {
		x.Ended = service.WithCause(errNotRunning, s.loop.err)
	}
	for _, p := range s.transport.Peers() {
		if p.Up {
			x.Connected = append(x.Connected, p.ID)
		}
	}
	return x
}

// sendHealth responds to a probe: with a line, with one for each check (?verbose), or in
// JSON if the client accepts that.
func (s *Server) sendHealth(w http.ResponseWriter, r *http.Request, name string, checks []service.Check) {
	why, status := service.NotReady(checks), http.StatusOK
	if why != "" {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Cache-Control", "no-store")
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		h := httpapi.Health{Node: s.cfg.Node.ID, OK: why == ""}
		for _, c := range checks {
			h.Checks = append(h.Checks, httpapi.HealthCheck{Name: c.Name, OK: c.Reason == "", Reason: c.Reason})
		}
		sendJSON(w, status, h)
		return
	}
	var text strings.Builder
	if r.URL.Query().Has("verbose") {
		for _, c := range checks {
			if c.Reason == "" {
				fmt.Fprintf(&text, "[+] %s\n", c.Name)
			} else {
				fmt.Fprintf(&text, "[-] %s: %s\n", c.Name, c.Reason)
			}
		}
	}
	if why == "" {
		text.WriteString(name + "\n")
	} else {
		fmt.Fprintf(&text, "not %s: %s\n", name, why)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text.String()) // fails only if the client has gone
}

// answers reports whether the loop answers within a time.
func (l *loop) answers(timeout time.Duration) bool {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case l.calls <- func() {}:
		return true
	case <-l.done:
	case <-timer.C:
	}
	return false
}

// ended reports whether the loop has ended.
func (l *loop) ended() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}
