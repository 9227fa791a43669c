package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/lockstep-dst/lockstep/node/member"
)

// noticeInterval is the time in which a warning about a peer is not logged again.
const noticeInterval = 10 * time.Second

// repeatedNotices leaves out warnings that repeat one of the last seconds. Whoever poses as a
// member can have it refused as often as it calls, in turn with the member itself.
type repeatedNotices struct {
	logged map[member.Notice]*repeatedNotice
}

type repeatedNotice struct {
	last       time.Time
	suppressed int
}

// maxRepeated bounds the notices that are remembered. There are few: their texts are reasons.
const maxRepeated = 256

// pass reports whether a warning is to be logged, and how many like it were not.
func (r *repeatedNotices) pass(n member.Notice, now time.Time) (suppressed int, ok bool) {
	was := r.logged[n]
	switch {
	case was == nil:
		if r.logged == nil || len(r.logged) >= maxRepeated {
			r.logged = map[member.Notice]*repeatedNotice{}
		}
		r.logged[n] = &repeatedNotice{last: now}
		return 0, true
	case now.Sub(was.last) < noticeInterval:
		was.suppressed++
		return 0, false
	}
	suppressed = was.suppressed
	was.last, was.suppressed = now, 0
	return suppressed, true
}

// logNotice logs a notice of the member for the operator. Only the loop calls it.
func (s *Server) logNotice(n member.Notice) {
	if n.AdmittedLife != 0 && s.loop.transport != nil {
		s.loop.transport.Confirm(n.Peer, n.AdmittedLife)
	}
	level := [...]slog.Level{member.Info: slog.LevelInfo, member.Warn: slog.LevelWarn, member.Critical: slog.LevelError}[n.Level]
	if n.Peer == 0 {
		s.log.Log(context.Background(), level, n.Text)
		return
	}
	attrs := []any{"peer", n.Peer}
	if n.Level == member.Warn {
		suppressed, ok := s.notices.pass(n, time.Now())
		if !ok {
			return
		}
		if suppressed > 0 {
			attrs = append(attrs, "suppressed", suppressed)
		}
	}
	s.log.Log(context.Background(), level, n.Text, attrs...)
}
