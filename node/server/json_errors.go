package server

import (
	"fmt"
	"net/http"

	"github.com/lockstep-dst/lockstep/node"
)

// jsonErrors responds to requests without a handler in mux as to all others: in
// JSON, with a reason.
func jsonErrors(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		head := headerRecorder{w.Header(), http.StatusNotFound}
		h.ServeHTTP(&head, r) // 404, 405 with the allowed methods, or a redirection to a cleaned path
		text := fmt.Sprintf("%s: no such path: see docs/CLIENTS.md", r.URL.Path)
		switch {
		case head.fields.Get("Location") != "": // clients do not follow it: a key would be another one
			head.fields.Del("Location")
			head.status, text = http.StatusBadRequest, fmt.Sprintf("%s: want a path without //, . and .. parts", r.URL.Path)
		case head.status == http.StatusMethodNotAllowed:
			text = fmt.Sprintf("%s %s: want %s", r.Method, r.URL.Path, head.Header().Get("Allow"))
		}
		sendRejected(w, head.status, node.BadRequest, text)
	})
}

// headerRecorder records the header of a response, and discards the body.
type headerRecorder struct {
	fields http.Header
	status int
}

// Header implements http.ResponseWriter.
func (h *headerRecorder) Header() http.Header { return h.fields }

// WriteHeader implements http.ResponseWriter.
func (h *headerRecorder) WriteHeader(status int) { h.status = status }

// Write implements http.ResponseWriter.
func (h *headerRecorder) Write(p []byte) (int, error) { return len(p), nil }
