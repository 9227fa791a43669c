package tcp

import (
	"log/slog"
	"sync"
	"time"
)

// warnInterval is how long a message is not logged again.
const warnInterval = 10 * time.Second

// rateLimitedLog logs what anyone at the port can cause, each message now and then.
type rateLimitedLog struct {
	log     *slog.Logger
	mu      sync.Mutex
	entries map[string]*logEntry // by message: they are few, and constant
}

type logEntry struct {
	last       time.Time
	suppressed int
}

func (q *rateLimitedLog) warn(message string, attrs ...any) {
	q.mu.Lock()
	if q.entries == nil {
		q.entries = map[string]*logEntry{}
	}
	s := q.entries[message]
	if s == nil {
		s = &logEntry{}
		q.entries[message] = s
	}
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < warnInterval {
		s.suppressed++
		q.mu.Unlock()
		return
	}
	unsaid := s.suppressed
	s.last, s.suppressed = now, 0
	q.mu.Unlock()
	q.log.Warn(message, append(attrs, "unsaid", unsaid)...)
}
