package node

// repairRequest tells a peer what it asks for. The answer is durable, as are the
// values: both wait for the log up to now (rule 5).
func (n *Node) repairRequest(from ID, q *RepairRequest) {
	i := n.member(from)
	if from == n.cfg.ID || q.Exchange.Node != from || !allSound(q.Ranges) || len(q.Wants) > MaxRepairList {
		n.counts.Failed++
		return
	}
	after := n.log.End()
	rep := &RepairReport{Exchange: q.Exchange, Digest: n.digest.root.sum, Mass: n.digest.mass}
	for _, r := range q.Ranges {
		if !n.describe(r, rep) {
			break
		}
		rep.Done++
	}
	for size := 0; int(rep.Sent) < len(q.Wants) && size < maxSent; rep.Sent++ {
		if m := n.machines[q.Wants[rep.Sent]]; m != nil && m.value != nil {
			v := &RepairValue{Key: m.key, Ballot: m.accepted, Value: m.value, Chosen: m.chosenAt == m.accepted}
			size += sizeOf(v)
			n.say(from, v, after)
		}
	}
	n.say(from, rep, after)
	if q.Digest == rep.Digest {
		n.agree(i)
		return
	}
	n.differ(i, q)
}

func allSound(ranges []Range) bool {
	for _, r := range ranges {
		if !r.Sound() {
			return false
		}
	}
	return len(ranges) <= MaxRepairList
}

// describe adds what this node holds in r, if there is room for it.
func (n *Node) describe(r Range, rep *RepairReport) bool {
	_, count := n.measure(r)
	if count > listedMost && r.Depth < maxDepth {
		return n.describeParts(r, rep)
	}
	if len(rep.Items) > 0 && len(rep.Items)+count > MaxRepairList {
		return false
	}
	b, _ := n.find(r)
	for _, i := range b.list {
		if m := n.byIndex[i]; r.holds(m.hash) && len(rep.Items) < MaxRepairList {
			rep.Items = append(rep.Items, Item{m.key, m.accepted, m.chosenAt == m.accepted})
		}
	}
	return true
}

func (n *Node) describeParts(r Range, rep *RepairReport) bool {
	if len(rep.Ranges)+fanout > MaxRepairList {
		return false
	}
	for i := range fanout {
		part := r.child(i)
		sum, count := n.measure(part)
		if part.Digest = sum; count > 0 {
			rep.Ranges = append(rep.Ranges, part)
		}
	}
	return true
}

// differ has a peer's digest compared again: at once if this node may be the one
// that is behind, and after the peer has ended if it is pulling. Otherwise
// there is no hurry: the peer knows that it is behind.
func (n *Node) differ(i int, q *RepairRequest) {
	r := &n.repair
	c := &r.peers[i]
	pulling := len(q.Ranges)+len(q.Wants) > 0
	switch {
	case n.cfg.RepairDelay == 0 || r.pull.active && r.pull.peer == i:
		return
	case !pulling && n.digest.mass <= q.Mass:
		c.due = n.now
	case pulling || r.agreed.has(i):
		c.due = max(c.due, n.now+n.cfg.RepairDelay)
	}
	r.agreed.remove(i)
	n.nextPeer()
}
