package node

// repairLimits are the limits of repair. All are in proportion to the longest list in a
// message of this node (Config.RepairList), so that simulations with short lists come to
// each of them with few machines. Peers may have other limits.
type repairLimits struct {
	list        int // entries of a list in a report
	ranges      int // ranges of one request
	wants       int // values of one request
	answerBytes int // approximate bytes of values in one response, the last of which may exceed it: with short lists one value or a few
	blocked     int // blocked values tracked at a time
	leaf        int // machines in a leaf of the digest
}

// MinRepairList is the least Config.RepairList: the parts of one range fit in a report.
const MinRepairList = fanout

func newRepairLimits(list int) repairLimits {
	return repairLimits{list: list, ranges: max(4, list/16), wants: list / 2, answerBytes: list * list / 4, blocked: list / 8, leaf: list / 8}
}
