package scenarios

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
)

// The faults of nodes: see faultKinds.

func (f *Fault) crashWords() string { return fmt.Sprintf("%s of %d", words(string(f.Kind)), f.Nodes) }

func (f *Fault) kindOfNodes() string { return fmt.Sprintf("%s %d", f.Kind, f.Nodes) }

func (f *Fault) pauseWords() string {
	if f.Freeze {
		return fmt.Sprintf("pause %d, clocks stopped", f.Nodes)
	}
	return fmt.Sprintf("pause %d", f.Nodes)
}

func (f *Fault) slowWords() string {
	return fmt.Sprintf("slow %d: an event every %v", f.Nodes, f.Pace)
}

func (f *Fault) freezeWords() string { return fmt.Sprintf("stopped clocks %d", f.Nodes) }

func (f *Fault) stopWords() string {
	return fmt.Sprintf("stop %d, which drain for %v", f.Nodes, f.Drain)
}

// crash chooses nodes that lose power or whose processes end, once or again and again.
func (t *timeline) crash(c Choices, f *Fault) []Fault {
	f.Nodes = t.someOrAll(c, "crash")
	if t.swarm.has(Restarts) && c.Often("again?", 60) {
		f.Every = togglePeriod(c, f.For, 8)
		if c.Often("while it boots?", 40) { // booting takes a few syncs
			f.Every = 1 + Duration(c.Choose("boots", 8*max(1, uint64(t.plan.Disk.Sync.Min))))
			f.For = min(f.For, 12*f.Every)
		}
	}
	if f.Every != 0 || !c.Often("once more?", 50) {
		return nil
	}
	again := *f // during recovery, or soon after
	again.At = min(f.At+f.For+c.Span("once more", 0, 10*netmodel.Millisecond), t.faultsEnd)
	again.For = 1 + Duration(c.Choose("once more for", uint64(t.faultsEnd/8)))
	return []Fault{again}
}

func (t *timeline) pause(c Choices, f *Fault) []Fault {
	f.Nodes = t.someOrAll(c, "paused")
	f.Freeze = t.swarm.has(Freezes) && c.Often("freeze?", 50)
	return nil
}

func (t *timeline) slow(c Choices, f *Fault) []Fault {
	f.Nodes = t.someOrAll(c, "slow")
	f.Pace = max(1, t.plan.Heal.Delay*Duration(c.Between("pace", 1, 20))/20)
	return nil
}

func (t *timeline) freeze(c Choices, f *Fault) []Fault {
	f.Nodes = t.someOrAll(c, "frozen")
	return nil
}

func (t *timeline) stop(c Choices, f *Fault) []Fault {
	f.Nodes = t.someOrAll(c, "stopped")
	f.Drain = Duration(c.Choose("drain", uint64(f.For)))
	return nil
}
