package sim

import "github.com/lockstep-dst/lockstep/netmodel"

// Hits counts, by fault, how often a fault of a link, process or clock took
// effect. For crashes and disk faults see Stats and DiskHits.
type Hits struct {
	Drop      uint64 // messages lost by chance
	Burst     uint64 // ... in a burst
	Delay     uint64 // messages delayed by more than twice the typical delay
	Duplicate uint64
	Reorder   uint64 // messages exempt from the order of sending
	Corrupt   uint64 // messages with damaged bytes
	Reset     uint64 // messages lost with their connection
	Break     uint64 // connections that broke behind a message that arrives
	Gap       uint64 // messages that waited for bandwidth
	Clog      uint64 // messages that a clogged link held
	Cut       uint64 // messages lost to cuts
	Refuse    uint64 // messages that could not be sent
	Pause     uint64 // events that a paused process took late
	Slow      uint64 // events that a slow process took late
	Batch     uint64 // steps with several events
	StepTime  uint64 // events that waited for the end of a step
	Freeze    uint64 // timers that were late because a clock had stopped
	Drift     uint64 // timers set by a clock that drifts
	Wipe      uint64 // disks emptied
	Rollback  uint64 // disks put back to older copies
}

// verdict adds the effects that a verdict shows.
func (h *Hits) verdict(v *netmodel.Verdict) {
	if v.Late || v.Duplicate || v.Reordered || v.Queued {
		h.Delay += bit(v.Late)
		h.Duplicate += bit(v.Duplicate)
		h.Reorder += bit(v.Reordered)
		h.Gap += bit(v.Queued)
	}
	h.Break += bit(v.Breaks)
	switch v.Cause {
	case netmodel.NoCause:
	case netmodel.Loss:
		h.Drop++
	case netmodel.BurstLoss:
		h.Burst++
	case netmodel.CutOff:
		h.Cut++
	case netmodel.Refused:
		h.Refuse++
	case netmodel.Corrupted:
		h.Corrupt++
	case netmodel.ConnectionReset:
		h.Reset++
	}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// Hits returns the counts of the effects of link, process and clock faults.
func (w *World) Hits() Hits { return w.hits }
