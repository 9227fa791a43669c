package node

// What begins for a machine, a round or a quorum read, begins at the end of the step: so
// all operations of the machine that have reached the node by then share it. Of 16
// requests that arrive together the first would otherwise have a round of its own.

// beginLater has beginWork look at m at the end of the step.
func (n *Node) beginLater(m *machine) {
	if !m.beginsLater {
		m.beginsLater = true
		n.toBegin = append(n.toBegin, m)
	}
}

// beginWork begins the rounds and quorum reads that wait for the end of the step, in the
// order of the machines' first operations.
func (n *Node) beginWork() {
	for i := 0; i < len(n.toBegin); i++ {
		m := n.toBegin[i]
		if m.work == nil { // all was answered
			continue
		}
		m.beginsLater = false
		n.beginRound(m)
		n.beginQuorumRead(m)
	}
	clear(n.toBegin)
	n.toBegin = n.toBegin[:0]
}
