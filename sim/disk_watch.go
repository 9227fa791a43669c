package sim

import "github.com/lockstep-dst/lockstep/sim/disk"

// diskWatch is a disk.Moment that a process's disk has not come to.
type diskWatch struct {
	disk.Moment
	until  Duration // requests submitted later do not count
	number uint64
	words  func() string
	do     func()
}

// WatchDisk calls do once, when the disk of a process has come to a moment, counted from
// this call, by a request that was submitted by the given time, unless the life of that
// request has ended before. number and words are those of ScheduleLazy. m must be valid.
func (w *World) WatchDisk(id ID, m disk.Moment, until Duration, number uint64, words func() string, do func()) {
	p := w.proc(id)
	p.watches = append(p.watches, diskWatch{m, until, number, words, do})
}

// onWatchedStep schedules the actions of p's watches for a request that was submitted,
// that begins and that is done at the given times.
func (w *World) onWatchedStep(p *proc, step disk.Step, begin, done Duration) {
	kept := p.watches[:0]
	for _, t := range p.watches {
		if t.Step == step && w.now <= t.until {
			t.Occurrence--
		}
		switch {
		case t.Occurrence == 0:
			w.scheduleWatched(p, &t, begin, done)
		case w.now <= t.until:
			kept = append(kept, t)
		}
	}
	p.watches = kept
}

func (w *World) scheduleWatched(p *proc, t *diskWatch, begin, done Duration) {
	life, do := p.life, t.do
	w.ScheduleLazy(t.Phase.At(w.now, begin, done), t.number, t.words, func() {
		if p.code != nil && p.life == life {
			do()
		}
	})
}
