package scenarios

import "slices"

// minBacklog is the smallest backlog of a log, in bytes. One that is smaller than a
// record keeps a node from accepting after it has promised.
const minBacklog = 1 << 10

// Bounds of the lists in messages of repair: 16 is the number of parts of a range.
const (
	minRepairList = 16
	maxRepairList = 512
)

// generateRepairList chooses short lists for messages of repair, in half of the plans with
// many machines: one message does not hold what a node lacks.
func generateRepairList(c Choices, p *Plan, shape Shape) {
	percent := uint64(8)
	if len(p.Machines()) > minManyMachines/2 { // of those that are drawn some get no operation
		percent = 80
	}
	if shape.Workload == nil && shape.Profile != None && p.Knobs.RepairDelay != 0 && c.Often("repair list?", percent) {
		p.Knobs.RepairList = minRepairList << []int{0, 0, 0, 1, 2}[c.Choose("repair list", 5)] // the shortest are full most often
	}
}

// HasQuotas reports whether nodes may refuse to create some of the plan's machines.
func (p *Plan) HasQuotas() bool {
	return p.Knobs.MachineQuota > 0 || p.Knobs.MachineBytes > 0 ||
		slices.ContainsFunc(p.NodeKnobs, func(k NodeKnobs) bool { return k.MachineQuota > 0 })
}

// generateLimits chooses small logs in which new work is refused; where boots, rounds and
// serials begin: shortly before a number needs one more byte, or as far as they go; and
// that a node which has missed a few rounds must be led to the present ones.
func generateLimits(c Choices, p *Plan, shape Shape) {
	if shape.Profile == None {
		return
	}
	if c.Often("backlog?", 8) {
		p.Knobs.Backlog = minBacklog << c.Choose("backlog", 6)
	}
	if c.Often("machine quota?", 10) {
		p.Knobs.MachineQuota = 1 + int(c.Choose("machine quota", 4))
	}
	if c.Often("machine bytes?", 4) {
		p.Knobs.MachineBytes = 128 << c.Choose("machine bytes", 6)
	}
	if c.Often("first boot?", 10) {
		p.Knobs.FirstBoot = []uint64{1<<8 - 2, 1<<16 - 2, 1<<32 - 2, maxFirstBoot}[c.Choose("first boot", 4)]
	}
	if c.Often("first round?", 10) {
		p.Knobs.FirstRound = []uint64{1<<8 - 4, 1<<16 - 4, 1<<32 - 4, maxFirstRound}[c.Choose("first round", 4)]
	}
	if shape.Workload == nil && c.Often("first serial?", 8) {
		p.Knobs.FirstSerial = []uint64{3, 17, 1<<7 - 2, maxFirstSerial}[c.Choose("first serial", 4)]
	}
	if c.Often("round leap?", 8) {
		p.Knobs.RoundLeap = 2 << c.Choose("round leap", 4)
	}
}
