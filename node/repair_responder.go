package node

// handleRepairRequest sends a peer the requested values and a report. They are sent
// once the log is durable up to its current end (rule 5).
func (n *Node) handleRepairRequest(from ID, q *RepairRequest) {
	i := n.member(from)
	if from == n.cfg.ID || q.Exchange.Node != from || !validRanges(q.Ranges) || len(q.Wants) > MaxRepairList {
		n.counts.Discarded++
		return
	}
	after := n.log.End()
	rep := &RepairReport{Exchange: q.Exchange, Digest: n.digest.root.sum, Progress: n.digest.progress}
	for _, r := range q.Ranges {
		if !n.describeRange(r, rep) {
			break
		}
		rep.RangesAnswered++
	}
	for size := 0; int(rep.WantsAnswered) < len(q.Wants) && size < maxAnswerBytes; rep.WantsAnswered++ {
		if m := n.machines[q.Wants[rep.WantsAnswered]]; m != nil && m.value != nil {
			v := &RepairValue{Key: m.key, Ballot: m.accepted, Value: m.value, Chosen: m.chosenAt == m.accepted}
			size += wireSize(v)
			n.sendWhenDurable(from, v, after)
		}
	}
	n.sendWhenDurable(from, rep, after)
	if q.Digest == rep.Digest {
		n.digestsEqual(i)
		return
	}
	n.digestsDiffer(i, q)
}

func validRanges(ranges []HashRange) bool {
	for _, r := range ranges {
		if !r.Valid() {
			return false
		}
	}
	return len(ranges) <= MaxRepairList
}

// describeRange adds the content of r at this node to the report: items if they are
// few, else the digests of its parts. It reports false if there is no room.
func (n *Node) describeRange(r HashRange, rep *RepairReport) bool {
	_, count := n.rangeDigest(r)
	if count > maxLeaf && r.Depth < maxDepth {
		return n.describeParts(r, rep)
	}
	if len(rep.Items) > 0 && len(rep.Items)+count > MaxRepairList {
		return false
	}
	b, _ := n.findSubtree(r)
	for _, i := range b.leaf {
		if m := n.byIndex[i]; r.contains(m.hash) && len(rep.Items) < MaxRepairList {
			rep.Items = append(rep.Items, RepairItem{m.key, m.accepted, m.chosenAt == m.accepted})
		}
	}
	return true
}

func (n *Node) describeParts(r HashRange, rep *RepairReport) bool {
	if len(rep.Ranges)+fanout > MaxRepairList {
		return false
	}
	for i := range fanout {
		part := r.child(i)
		sum, count := n.rangeDigest(part)
		if part.Digest = sum; count > 0 {
			rep.Ranges = append(rep.Ranges, part)
		}
	}
	return true
}

// digestsDiffer schedules a comparison with a peer: at once if this node may be the
// one that is behind, and after the peer's pull if it is pulling. Otherwise there is
// no hurry: the peer knows that it is behind.
func (n *Node) digestsDiffer(i int, q *RepairRequest) {
	r := &n.repair
	c := &r.peers[i]
	pulling := len(q.Ranges)+len(q.Wants) > 0
	switch {
	case n.cfg.RepairDelay == 0 || r.pull.active && r.pull.peer == i:
		return
	case !pulling && n.digest.progress <= q.Progress:
		c.nextAt = n.now
	case pulling || r.agreed.has(i):
		c.nextAt = max(c.nextAt, n.now+n.cfg.RepairDelay)
	}
	r.agreed.remove(i)
	n.startNextPull()
}
