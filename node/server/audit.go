package server

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// auditRate is the number of audit lines of one kind in a second; others are counted.
const auditRate = 20

// auditLog logs who has changed what only admins may change, and who was refused. What
// is logged has no secrets in it: principals by name, machines by key. It is safe for
// concurrent use.
type auditLog struct {
	log               *slog.Logger
	mu                sync.Mutex
	changes, refusals auditWindow
}

// auditWindow counts the lines of one kind in a second.
type auditWindow struct {
	began              time.Time
	logged, suppressed int
}

// admit reports whether a line is logged, and how many were not since the last one.
func (w *auditWindow) admit(now time.Time) (suppressed int, ok bool) {
	if now.Sub(w.began) >= time.Second {
		w.began, w.logged = now, 0
	}
	if w.logged == auditRate {
		w.suppressed++
		return 0, false
	}
	w.logged++
	suppressed, w.suppressed = w.suppressed, 0
	return suppressed, true
}

func newAuditLog(log *slog.Logger) *auditLog { return &auditLog{log: log} }

// admitted notes an action of an admin that the node takes. Whether it is carried out is
// for the machine's history.
func (a *auditLog) admitted(c *client, action, what string) {
	a.write(&a.changes, slog.LevelInfo, "a client changes what only an admin may", c, action, what, "")
}

// refused notes a request that the node does not take, with the code of the refusal.
func (a *auditLog) refused(c *client, action, what, code string) {
	a.write(&a.refusals, slog.LevelWarn, "a client is refused", c, action, what, code)
}

func (a *auditLog) write(w *auditWindow, level slog.Level, text string, c *client, action, what, code string) {
	a.mu.Lock()
	suppressed, ok := w.admit(time.Now())
	a.mu.Unlock()
	if !ok {
		return
	}
	attrs := []any{slog.String("action", action), slog.String("what", shorten(what)), slog.String("principal", c.Principal.String()), slog.String("remote", c.remote)}
	if code != "" {
		attrs = append(attrs, slog.String("code", code))
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	a.log.LogAttrs(context.Background(), level, text, slog.Group("audit", attrs...))
}

// shorten returns a text of a client, cut for a log.
func shorten(text string) string {
	const most = 256
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}
