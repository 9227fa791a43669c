package board

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/internal/pageparts"
)

//go:embed page
var pageFiles embed.FS

// loadPage reads the parts of the page, once.
var loadPage = sync.OnceValue(func() pageparts.Page {
	p, err := pageparts.Load(pageFiles)
	if err != nil {
		panic(err) // its files are part of the program
	}
	return p
})

// servePage serves the page, its style and its script.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	page := loadPage()
	kind, text := "text/html", page.Template
	switch path.Ext(r.URL.Path) {
	case ".css":
		kind, text = "text/css", page.Style
	case ".js":
		kind, text = "text/javascript", page.Script
	}
	w.Header().Set("Content-Type", kind+"; charset=utf-8")
	_, _ = w.Write([]byte(text)) // a page that is closed needs no answer
}

func (s *Server) serveView(w http.ResponseWriter, _ *http.Request) {
	v, err := s.view()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// sandbox is the policy for the pages of failures, which hold their own style and script:
// they run in an origin of their own, and reach nothing of this server.
const sandbox = "sandbox allow-scripts allow-forms; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// serveFile serves a file of a failure. Of other files nothing is told, not even whether
// there are any.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	isPage := slices.Contains(pageNames, name)
	f, err := s.open(r.PathValue("folder"), name, isPage)
	if err != nil {
		http.Error(w, "no such file of a failure", http.StatusNotFound)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if isPage {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", sandbox)
	}
	http.ServeContent(w, r, "", info.ModTime(), f)
}

// open opens one of the known files of a failure.
func (s *Server) open(folder, name string, isPage bool) (*os.File, error) {
	if !isPage && !slices.Contains(textNames, name) {
		return nil, errNotServed
	}
	root, err := os.OpenRoot(s.config.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return openRegular(root, folder, name)
}

const (
	writeTimeout = 5 * time.Second  // for one message to a page
	keepAlive    = 15 * time.Second // after which a silent connection gets a comment
)

// serveEvents sends live figures as server-sent events: series for each campaign with all
// its samples at first, then figures with the last one, changed when the view is to be read
// again, and end when the server ends.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	messages, ok := s.hub.subscribe()
	if !ok {
		w.Header().Set("Retry-After", "10")
		http.Error(w, fmt.Sprintf("%d pages are open already, or the server ends: close one", maxSubscribers), http.StatusServiceUnavailable)
		return
	}
	defer s.hub.leave(messages)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	send := func(text []byte) error {
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout)) // a writer without deadlines has no slow reader
		if _, err := w.Write(text); err != nil {
			return err
		}
		return control.Flush()
	}
	first := []byte(": live figures\n\n")
	all, _ := s.figures()
	for _, f := range all {
		first = append(first, message("series", f)...)
	}
	if send(first) != nil {
		return
	}
	idle := time.NewTicker(keepAlive)
	defer idle.Stop()
	for {
		text := []byte(":\n\n")
		select {
		case <-r.Context().Done():
			return
		case text, ok = <-messages:
			if !ok {
				return
			}
		case <-idle.C:
		}
		if send(text) != nil {
			return
		}
	}
}

// message returns an event in the form of server-sent events. JSON has no line feeds.
func message(event string, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // a value of this package
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", event, data)
}
