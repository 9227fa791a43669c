package main

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// opKind is the kind of an operation in the figures of a load.
type opKind int

const (
	transitions opKind = iota
	linearizableReads
	localReads
	opKinds int = iota
)

// String returns the name of a kind in reports.
func (k opKind) String() string { return [...]string{"transition", "read", "local"}[k] }

func (s *sample) kind() opKind {
	switch {
	case s.Local:
		return localReads
	case s.Kind == history.KindRead:
		return linearizableReads
	}
	return transitions
}

// histogramMax is the longest latency that histograms tell from longer ones.
const histogramMax = int64(time.Minute)

// newHistogram returns a histogram of nanoseconds, exact to one part in a thousand.
// It takes 200 KB, whatever is recorded.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1000, histogramMax, 3) }

// record records a latency; a histogram keeps none beyond its maximum.
func record(h *hdrhistogram.Histogram, ns int64) {
	if err := h.RecordValue(min(max(ns, 0), histogramMax)); err != nil {
		panic("lockstep: " + err.Error()) // the value is in range
	}
}

// kindFigures are the figures of one kind of operation, or of all.
type kindFigures struct {
	Operations, Committed, Rejected, Unknown int

	inTime  int                     // committed, and returned in the window, whenever intended
	latency *hdrhistogram.Histogram // of all outcomes: one that is given up counts with the time until then
}

func (f *kindFigures) count(o history.Outcome) {
	f.Operations++
	switch o {
	case history.Committed:
		f.Committed++
	case history.Rejected:
		f.Rejected++
	default:
		f.Unknown++
	}
}

// meter turns samples into figures. It measures the operations that were intended
// in its window: after the warm-up, and before the load ends.
type meter struct {
	from, until int64 // the window
	kinds       [opKinds]kindFigures
	committed   *hdrhistogram.Histogram // latencies of the committed of all kinds
	late        *hdrhistogram.Histogram // by which calls came after their intended times
	lastReturn  int64

	live *liveLine // nil: none
}

func newMeter(from, until int64) *meter {
	m := &meter{from: from, until: until, committed: newHistogram(), late: newHistogram()}
	for k := range m.kinds {
		m.kinds[k].latency = newHistogram()
	}
	return m
}

func (m *meter) add(samples []sample) {
	for i := range samples {
		s := &samples[i]
		k := &m.kinds[s.kind()]
		m.lastReturn = max(m.lastReturn, s.Return)
		if s.Outcome == history.Committed && s.Return >= m.from && s.Return < m.until {
			k.inTime++
		}
		if s.Intended < m.from || s.Intended >= m.until {
			continue
		}
		k.count(s.Outcome)
		record(k.latency, s.Return-s.Intended)
		record(m.late, s.Call-s.Intended)
		if s.Outcome == history.Committed {
			record(m.committed, s.Return-s.Intended)
		}
	}
	if m.live != nil {
		m.live.add(samples)
	}
}

// window returns the time that was measured, in seconds: all of the window, or less
// if the last operation has ended before.
func (m *meter) window() float64 {
	return time.Duration(max(min(m.until, m.lastReturn)-m.from, 1)).Seconds()
}

// total returns the sum of all kinds, without latencies.
func (m *meter) total() kindFigures {
	var t kindFigures
	for k := range m.kinds {
		f := &m.kinds[k]
		t.Operations += f.Operations
		t.Committed += f.Committed
		t.Rejected += f.Rejected
		t.Unknown += f.Unknown
		t.inTime += f.inTime
	}
	return t
}

// liveLine shows the figures of the last second.
type liveLine struct {
	begin   time.Time
	next    time.Duration
	figures kindFigures
	show    func(string)
}

func newLiveLine(begin time.Time, show func(string)) *liveLine {
	return &liveLine{begin: begin, next: time.Since(begin) + time.Second, figures: kindFigures{latency: newHistogram()}, show: show}
}

func (l *liveLine) add(samples []sample) {
	for i := range samples {
		l.figures.count(samples[i].Outcome)
		record(l.figures.latency, samples[i].Return-samples[i].Intended)
	}
	now := time.Since(l.begin)
	if now < l.next {
		return
	}
	f := &l.figures
	second := (now - l.next + time.Second).Seconds()
	l.show(fmt.Sprintf("%.0f s: %.0f committed/s, median %.2f ms, 99 %% within %.2f ms, %d rejected, %d unknown",
		now.Seconds(), float64(f.Committed)/second, milliseconds(f.latency.ValueAtQuantile(50)), milliseconds(f.latency.ValueAtQuantile(99)), f.Rejected, f.Unknown))
	f.latency.Reset()
	*f = kindFigures{latency: f.latency}
	l.next = now + time.Second
}

// milliseconds returns nanoseconds in milliseconds, to the microsecond.
func milliseconds(ns int64) float64 { return float64(ns/1000) / 1000 }
