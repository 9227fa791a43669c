package lockstep

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node/watch"
)

// streamCheck holds the events of one watch at one node to what watch.Event promises: a
// client that resumes would not notice what it has had before.
type streamCheck struct {
	query  watch.Selection
	last   map[string]uint64 // by key, the version of the last event
	behind map[string]bool   // machines reported as behind
}

// check takes the next event. It says what is wrong with it, or returns "".
func (s *streamCheck) check(e *watch.Event) string {
	switch {
	case e.State != nil:
		_, known := s.last[e.State.Key]
		if known || s.query.Resume && e.State.Version != s.query.From {
			return fmt.Sprintf("the state %+v, which is not the first of its events that it wants", *e.State)
		}
		s.last[e.State.Key] = e.State.Version
	case e.Transition != nil:
		t := e.Transition
		if last, known := s.last[t.Key]; !known || t.Version != last+1 {
			return fmt.Sprintf("the transition %+v after version %d", *t, last)
		}
		s.last[t.Key] = t.Version
	case e.Gap != nil:
		last, known := s.last[e.Gap.Key]
		if !known && s.query.Resume {
			last, known = s.query.From, true
		}
		if known && e.Gap.From != last+1 {
			return fmt.Sprintf("the gap %+v after version %d", *e.Gap, last)
		}
		s.last[e.Gap.Key] = e.Gap.To
	case e.Behind != nil:
		b := e.Behind
		if _, known := s.last[b.Key]; known || s.behind[b.Key] || b.From != s.query.From {
			return fmt.Sprintf("that it is behind, %+v, which is not so or was said", *b)
		}
		s.behind[b.Key] = true
	}
	return ""
}
