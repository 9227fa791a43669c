package tcp

import (
	"log/slog"
	"sync"
	"time"
)

// pauseOf is how long a message is not logged again.
const pauseOf = 10 * time.Second

// quiet logs what anyone at the port can cause, each message now and then.
type quiet struct {
	log  *slog.Logger
	mu   sync.Mutex
	said map[string]*saying // by message: they are few, and constant
}

type saying struct {
	last   time.Time
	unsaid int
}

func (q *quiet) warn(message string, attrs ...any) {
	q.mu.Lock()
	if q.said == nil {
		q.said = map[string]*saying{}
	}
	s := q.said[message]
	if s == nil {
		s = &saying{}
		q.said[message] = s
	}
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < pauseOf {
		s.unsaid++
		q.mu.Unlock()
		return
	}
	unsaid := s.unsaid
	s.last, s.unsaid = now, 0
	q.mu.Unlock()
	q.log.Warn(message, append(attrs, "unsaid", unsaid)...)
}
