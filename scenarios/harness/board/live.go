package board

import (
	"slices"
	"sync"
	"time"
)

// Figures are the figures of a campaign in progress, or of a state file.
type Figures struct {
	Name    string   `json:"name"`             // of the campaign of a source, of the state file, or "this campaign"
	Stage   string   `json:"stage"`            // of its work
	Total   uint64   `json:"total,omitempty"`  // seeds that it is to run; absent: another budget ends it
	Left    *float64 `json:"left_s,omitempty"` // seconds; absent: not known
	Record  Record   `json:"campaign"`         // so far
	Samples []Sample `json:"samples"`          // in an event of the live figures only the last one
}

// Live is a campaign in progress. Its methods may be called from any
// goroutine.
type Live struct {
	mu      sync.Mutex
	figures Figures // without its samples
	series  series
	known   bool // there are figures
}

// NewLive returns a campaign of this process that has not begun. total is the number of
// seeds that it is to run, 0 if another budget ends it.
func NewLive(total uint64) *Live { return NewLiveOf("this campaign", total) }

// NewLiveOf returns a campaign of a Source that has not begun.
func NewLiveOf(name string, total uint64) *Live {
	return &Live{figures: Figures{Name: name, Stage: "running", Total: total}}
}

// Update takes the record of the campaign so far, and the time that is left, if it is
// known.
func (l *Live) Update(r Record, left time.Duration, isKnown bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.figures.Record, l.figures.Left, l.known = r, nil, true
	if isKnown {
		l.figures.Left = new(left.Seconds())
	}
	l.series.add(&r)
}

// Stage tells the work of the campaign after its seeds have run.
func (l *Live) Stage(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.figures.Stage, l.figures.Left = text, nil
}

// Now returns the figures with all samples; ok is false if there are none yet.
func (l *Live) Now() (f Figures, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f = l.figures
	f.Samples = slices.Clone(l.series.samples)
	return f, l.known
}
