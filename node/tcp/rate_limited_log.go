package tcp

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// warnInterval is the time in which a message is not logged again.
const warnInterval = 10 * time.Second

// rateLimitedLog logs warnings that anyone at the port can cause, each at most
// once in warnInterval.
type rateLimitedLog struct {
	log     *slog.Logger
	mu      sync.Mutex
	entries map[string]*logEntry // by kind; few, since kinds are constants, or of one member
}

type logEntry struct {
	last       time.Time
	suppressed int
}

func (q *rateLimitedLog) warn(message string, attrs ...any) {
	q.record(slog.LevelWarn, message, message, attrs...)
}

// record logs a message that counts as a repetition of others of its kind. There are few kinds.
func (q *rateLimitedLog) record(level slog.Level, kind, message string, attrs ...any) {
	q.mu.Lock()
	if q.entries == nil {
		q.entries = map[string]*logEntry{}
	}
	s := q.entries[kind]
	if s == nil {
		s = &logEntry{}
		q.entries[kind] = s
	}
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < warnInterval {
		s.suppressed++
		q.mu.Unlock()
		return
	}
	suppressed := s.suppressed
	s.last, s.suppressed = now, 0
	q.mu.Unlock()
	q.log.Log(context.Background(), level, message, append(attrs, "suppressed", suppressed)...)
}
