package session

import (
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
)

// latency estimates how long a node takes to respond, as TCP estimates round trips
// (RFC 6298, section 2). The zero value knows nothing.
type latency struct {
	mean, deviation time.Duration
	known           bool
}

// add takes a measured response time. It is at most a year (maxWait), so no sum overflows.
func (l *latency) add(sample time.Duration) {
	sample = max(0, sample)
	if !l.known {
		*l = latency{mean: sample, deviation: sample / 2, known: true}
		return
	}
	l.deviation += (max(l.mean-sample, sample-l.mean) - l.deviation) / 4
	l.mean += (sample - l.mean) / 8
}

// bound returns a time after which a response has hardly ever come so far.
func (l *latency) bound() time.Duration { return l.mean + 4*l.deviation }

// attemptTimeout returns how long to wait for a response of a node to the last of
// attempts before the next node is tried as well. It grows when all nodes were tried
// without success, so as not to overload slow nodes.
func (s *Session) attemptTimeout(attempts int, to op.NodeID) time.Duration {
	wait := s.cfg.AttemptTimeout
	if s.cfg.MinAttemptTimeout > 0 {
		usual := 2 * s.cfg.MinAttemptTimeout
		if l := &s.health.get(to).latency; l.known {
			usual = max(l.bound(), s.cfg.MinAttemptTimeout)
		}
		wait = min(wait, usual)
	}
	return wait << s.doublings(attempts)
}

// longestAttempt is attemptTimeout for a node that is known to be there.
func (s *Session) longestAttempt(attempts int) time.Duration {
	return s.cfg.AttemptTimeout << s.doublings(attempts)
}

func (s *Session) doublings(attempts int) int {
	return min((attempts-1)/len(s.cfg.Nodes), maxDoublings)
}
