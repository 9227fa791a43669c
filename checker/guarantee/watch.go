package guarantee

import (
	"fmt"
	"time"
)

// stream is the state of one stream for one machine.
type stream struct {
	any     bool
	last    Observation // its last observation
	resumes int         // of the source, at the last observation
	end     *Observation
	machine *machine
}

// checkWatch checks that a stream reports every version of a machine in order,
// or reports a gap.
func (c *Checker) checkWatch(s *source, m *machine, o *Observation) {
	w := s.streams[m]
	if w == nil {
		w = &stream{machine: m}
		s.streams[m] = w
	}
	if o.Kind == End {
		c.keep(Evidence{Observation: o})
		w.end = o
		c.ended[m] = append(c.ended[m], w)
		return
	}
	c.count(Watch, 1)
	if w.any {
		c.checkOrder(s, w, o)
	}
	w.any, w.last, w.resumes = true, *o, s.resumes
}

// checkOrder checks an observation of a stream against the one before.
func (c *Checker) checkOrder(s *source, w *stream, o *Observation) {
	last := w.last.Version
	first := o.Version // the first version reported
	if o.Kind == Gap {
		first = o.First
	}
	violate := func(class, format string, args ...any) {
		before := w.last
		pair := []Evidence{{Observation: &before}, {Observation: o}}
		c.violate(Watch, class, w.machine, pair, "%v, and next "+format, append([]any{pair[0]}, args...)...)
	}
	now := Evidence{Observation: o}
	switch {
	case o.Kind == State && o.Version == last && (s.resumes > w.resumes || w.last.Kind == Gap):
	case o.Kind == State && o.Version == last:
		violate("repeated", "%v: it begins anew without having been resumed", now)
	case o.Kind != State && first == last+1:
		if o.From != "" && w.last.State != "" && o.From != w.last.State {
			violate("other-from", "%v: that is not where it was", now)
		}
	case first > last:
		violate("left-out", "%v: it leaves out %s without a gap", now, describeMissing(last, first, o.Kind))
	default:
		violate("went-back", "%v: that is behind what it had reported", now)
	}
}

// describeMissing describes the versions missing between two of a stream.
func describeMissing(last, first int64, kind Kind) string {
	if kind == State {
		first++ // the step to it is missing, too
	}
	if n := first - last - 1; n > 1 {
		return fmt.Sprintf("%d steps", n)
	}
	return "a step"
}

// checkDeadline checks that a stream with a listener reports versions that are
// known to be chosen within the deadline.
func (c *Checker) checkDeadline(v *Result, m *machine, past []versionRecord) {
	if c.options.Deadline <= 0 {
		return
	}
	for _, w := range c.ended[m] {
		last := w.last.Version // 0 if nothing was reported
		l, found := firstBeyond(past, last, w.end.Time-int64(c.options.Deadline))
		if !found {
			continue
		}
		evidence := []Evidence{l.firstKnown, {Observation: w.end}}
		v.violate("kept-back", m, evidence, "%v, but %v and had reported nothing after version %d: it has kept version %d back for longer than %v",
			l.firstKnown, evidence[1], last, l.version, time.Duration(c.options.Deadline))
	}
}
