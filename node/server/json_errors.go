package server

import (
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
)

// jsonErrors responds to requests without a handler in mux as to all others: in
// JSON, with a reason.
func jsonErrors(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isClean(r.URL.Path) { // mux would redirect it, and clients do not follow: a key would be another one
			sendRejected(w, http.StatusBadRequest, node.BadRequest, fmt.Sprintf("%s: want a path without //, . and .. parts", r.URL.Path))
			return
		}
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		head := headerRecorder{w.Header(), http.StatusNotFound}
		h.ServeHTTP(&head, r) // 404, or 405 with the allowed methods
		text := fmt.Sprintf("%s: no such path: see docs/CLIENTS.md", r.URL.Path)
		if head.status == http.StatusMethodNotAllowed {
			text = fmt.Sprintf("%s %s: want %s", r.Method, r.URL.Path, head.Header().Get("Allow"))
		}
		sendRejected(w, head.status, node.BadRequest, text)
	})
}

// isClean reports whether a path is the one that a mux would match.
func isClean(p string) bool {
	clean := path.Clean("/" + p)
	if clean != "/" && strings.HasSuffix(p, "/") {
		clean += "/"
	}
	return p == clean
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
