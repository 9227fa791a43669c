package board

// Sample is the figures of a campaign at one time.
type Sample struct {
	At             float64 `json:"at_s"` // seconds since the begin of the campaign
	Seeds          uint64  `json:"seeds"`
	SeedsPerSecond float64 `json:"seeds_per_s"` // since the sample before
	Failed         uint64  `json:"failed"`
	Undecided      uint64  `json:"undecided"`
	Marks          int     `json:"marks"`
	Pairs          int     `json:"pairs"`
}

// maxSamples bounds a series. The page thins its own in the same way.
const maxSamples = 512

// series is the samples of one campaign over time. One that is full keeps every other
// sample, and from then on takes them half as often.
type series struct {
	samples []Sample
	every   float64 // seconds between samples, at least
}

// add adds the figures of a record, if it is time for a sample.
func (s *series) add(r *Record) (added bool) {
	now := Sample{At: r.Seconds, Seeds: r.Seeds, Failed: r.Failed, Undecided: r.Undecided, Marks: r.Marks.Hit, Pairs: r.Pairs.Hit}
	var last Sample
	if n := len(s.samples); n > 0 {
		last = s.samples[n-1]
		if now.At-last.At < max(s.every, 1) || now.Seeds < last.Seeds {
			return false
		}
	}
	if now.At > last.At {
		now.SeedsPerSecond = float64(now.Seeds-last.Seeds) / (now.At - last.At)
	}
	if len(s.samples) == maxSamples {
		s.thin()
	}
	s.samples = append(s.samples, now)
	return true
}

// thin keeps every other sample, and the last one.
func (s *series) thin() {
	kept := s.samples[:0]
	for i, x := range s.samples {
		if i%2 == 1 {
			kept = append(kept, x)
		}
	}
	s.samples, s.every = kept, 2*max(s.every, 1)
}
