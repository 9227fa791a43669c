package scenarios

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/sim/disk"
)

// The faults of disks: see faultKinds.

func (f *Fault) damagesFiles() bool { return f.What.Damages() }

func (f *Fault) diskFamilies() familySet {
	if f.What.Damages() {
		return setOf(DiskDamage)
	}
	return setOf(DiskErrors)
}

func (f *Fault) diskWords() string {
	if f.Target != AnyBytes {
		return fmt.Sprintf("disk %v %d at the %s", f.What, f.Nodes, words(string(f.Target)))
	}
	return fmt.Sprintf("disk %v %d", f.What, f.Nodes)
}

func (f *Fault) diskCrashWords() string {
	return fmt.Sprintf("%s of %d when the disk request %s #%d is %s", words(string(f.Crash)), f.Nodes, words(string(f.Op)), f.Occurrence, words(string(f.Phase)))
}

func (f *Fault) rollbackWords() string {
	if f.Live {
		return fmt.Sprintf("roll back %d to a copy made while they run", f.Nodes)
	}
	return fmt.Sprintf("roll back %d", f.Nodes)
}

func (f *Fault) checkDiskCrash() error {
	if f.Crash != PowerLoss && f.Crash != ProcessCrash {
		return fmt.Errorf("crash: %q: want %s or %s", f.Crash, PowerLoss, ProcessCrash)
	}
	return f.Moment().Validate()
}

// failDisk chooses a fault of disks, its nodes, and often a restart of them: a broken disk
// is mostly noticed only then.
func (t *timeline) failDisk(c Choices, f *Fault) []Fault {
	what := slices.DeleteFunc(disk.Faults(), func(f disk.Fault) bool {
		if f.Damages() {
			return len(t.damageable) == 0 || !t.swarm.has(DiskDamage)
		}
		return !t.swarm.has(DiskErrors)
	})
	f.What = what[c.Choose("what", uint64(len(what)))]
	if f.What.Damages() {
		f.Nodes = c.Among("damaged", t.damageable, 1, len(t.damageable))
		if hasPlace(f.What) && c.Often("target?", 50) {
			f.Target = damageTargets[c.Choose("target", uint64(len(damageTargets)))]
		}
	} else {
		f.Nodes = c.Nodes("disk", t.plan, 1, t.plan.Nodes)
	}
	if !c.Often("restart?", 75) {
		return nil
	}
	return []Fault{t.restartAround(c, f)}
}

// restartAround chooses a restart of the nodes of a disk fault. Some of the damage is done
// while they are down: of a log that ended in the middle of a write.
func (t *timeline) restartAround(c Choices, f *Fault) Fault {
	if f.What.Damages() && c.Often("while down?", 40) {
		before := min(f.At, Duration(c.Choose("down before", uint64(f.For))))
		return Fault{Kind: PowerLoss, At: f.At - before, For: before + 1 + Duration(c.Choose("down after", uint64(f.For))), Nodes: f.Nodes}
	}
	return Fault{
		Kind:  []FaultKind{PowerLoss, ProcessCrash}[c.Choose("restart kind", 2)],
		At:    min(t.faultsEnd, f.At+Duration(c.Choose("restart at", 2*uint64(f.For)))),
		For:   1 + Duration(c.Choose("restart for", uint64(t.faultsEnd/8))),
		Nodes: f.Nodes,
	}
}

func (t *timeline) wipe(c Choices, f *Fault) []Fault {
	f.Nodes = c.Among("wiped", t.damageable, 1, len(t.damageable))
	return nil
}

// rollBack chooses nodes and the age of their copies, and sometimes restarts after it, with
// each of which an older copy grows. A copy matters once the others have met a later life
// of the node.
func (t *timeline) rollBack(c Choices, f *Fault) []Fault {
	f.Nodes = c.Among("rolled back", t.damageable, 1, len(t.damageable))
	f.At, f.For = f.At/2, t.faultsEnd/8+Duration(c.Choose("age", uint64(t.faultsEnd/2)))
	f.Live = c.Often("live?", 50)
	young := c.Often("young?", 40)
	if young { // the copy lacks the end of a life, and no whole life
		f.Live, f.For = true, 1+Duration(c.Choose("young", 32*uint64(t.plan.Heal.Delay)))
	}
	if !t.swarm.has(PowerLosses) || !t.swarm.has(Restarts) || !c.Often("restarts?", 80) {
		return nil
	}
	every := 1 + Duration(c.Choose("boots", 8*max(1, uint64(t.plan.Disk.Sync.Min))))
	if young { // long enough for the first record of a boot, and often too short for more
		every = max(1, 4*t.plan.Disk.Sync.Min+every/2)
	}
	return []Fault{{Kind: PowerLoss, At: min(f.At+f.For+1, t.faultsEnd), For: 24 * every, Every: every, Nodes: f.Nodes}}
}

// crashAtDisk chooses the crash of a disk_crash, its nodes and its moment. Half of them
// count from the very first request, with which a log is made.
func (t *timeline) crashAtDisk(c Choices, f *Fault) []Fault {
	f.Nodes = t.someOrAll(c, "crash")
	f.Crash = []FaultKind{PowerLoss, ProcessCrash}[c.Choose("crash kind", 4)/3]
	f.Op = []disk.Step{disk.StepCreate, disk.StepFirstWrite, disk.StepSyncDir, disk.StepRename, disk.StepRemove}[c.Choose("op", 5)]
	f.Phase = []disk.Phase{disk.Submitted, disk.InFlight, disk.Completed}[c.Choose("phase", 3)]
	f.Occurrence = c.Between("occurrence", 1, 4)
	if c.Often("from the start?", 50) {
		f.At = 0
	}
	f.For = t.faultsEnd // the moment may come late
	return nil
}
