package checker

import "slices"

// planGaps chooses, for a register, the unknown write that made each version
// which no known step made. It returns them by version; nil if there are not
// enough, or if an operation contradicts another.
//
// A gap takes any unknown write of the value that is known to have been there,
// or of any value if none is known, that was called by the gap's deadline: the
// first return of the operations from that version on. The gaps of known values
// choose first, the last gap first, each the last called of those it can take:
// one that was called later is of no use to any gap before it. What they leave
// is the most useful that they can leave, one by one, since they take what is
// usable longest. The others choose among that in the same way. So if there is
// a choice for all gaps, this finds one.
//
// Unknown compare and sets are chosen before all writes, as they are of less
// use: for gaps behind a known value only. So where there are such operations
// it may miss a choice.
func planGaps(checked []checkedOp, order []int32) []*checkedOp {
	p := newGapPlan(checked, order)
	if p == nil {
		return nil
	}
	p.chooseCompareAndSets(checked)
	byValue := map[int32][]int32{} // gaps of known values
	var others []int32
	for v := int32(1); int(v) < len(p.made); v++ {
		switch {
		case p.made[v] != nil:
		case p.value[v] != unspecified:
			byValue[p.value[v]] = append(byValue[p.value[v]], v)
		default:
			others = append(others, v)
		}
	}
	var left []*checkedOp
	writes := map[int32][]*checkedOp{} // unknown writes of these values
	for i := range checked {
		c := &checked[i]
		switch {
		case c.meaning != unknownStep || c.from != unspecified:
		case byValue[c.to] == nil:
			left = append(left, c)
		default:
			writes[c.to] = append(writes[c.to], c)
		}
	}
	for i := range checked { // in order of call, not in that of the map
		value := checked[i].to
		if gaps := byValue[value]; gaps != nil {
			rest, ok := p.choose(gaps, writes[value])
			if !ok {
				return nil
			}
			left = append(left, rest...)
			delete(byValue, value)
		}
	}
	if len(byValue) > 0 {
		return nil
	}
	slices.SortStableFunc(left, func(x, y *checkedOp) int { return int(min(max(x.call-y.call, -1), 1)) })
	if _, ok := p.choose(others, left); !ok {
		return nil
	}
	return p.made
}

// chooseCompareAndSets fills gaps of known values behind known values, those of
// the earliest deadlines first.
func (p *gapPlan) chooseCompareAndSets(checked []checkedOp) {
	spares := map[[2]int32][]*checkedOp{} // by step
	for i := range checked {
		if c := &checked[i]; c.meaning == unknownStep && c.from != unspecified {
			spares[[2]int32{c.from, c.to}] = append(spares[[2]int32{c.from, c.to}], c)
		}
	}
	for v := 1; v < len(p.made) && len(spares) > 0; v++ {
		step := [2]int32{p.value[v-1], p.value[v]}
		if fit := spares[step]; p.made[v] == nil && len(fit) > 0 && fit[0].call <= p.deadline[v] {
			p.made[v], spares[step] = fit[0], fit[1:]
		}
	}
}

// gapPlan is known of each version of a register.
type gapPlan struct {
	made     []*checkedOp // the step that made it; nil for gaps
	value    []int32      // unspecified if not known
	deadline []int64      // the first return of operations of this or a later version
}

// newGapPlan returns nil if there are more gaps than unknown steps, or if two
// operations contradict each other.
func newGapPlan(checked []checkedOp, order []int32) *gapPlan {
	unknown, steps := 0, 0
	for i := range checked {
		if checked[i].meaning == unknownStep {
			unknown++
		}
	}
	for _, i := range order {
		if checked[i].meaning == committedStep {
			steps++
		}
	}
	highest := int64(0)
	if len(order) > 0 {
		highest = checked[order[len(order)-1]].version
	}
	if highest > int64(steps+unknown) {
		return nil
	}
	p := &gapPlan{make([]*checkedOp, highest+1), make([]int32, highest+1), make([]int64, highest+1)}
	for v := range p.value {
		p.value[v], p.deadline[v] = unspecified, forever
	}
	for _, i := range order {
		if !p.add(&checked[i]) {
			return nil
		}
	}
	for v := highest - 1; v >= 0; v-- {
		p.deadline[v] = min(p.deadline[v], p.deadline[v+1])
	}
	return p
}

// add adds a known operation. It reports false if another contradicts it.
func (p *gapPlan) add(c *checkedOp) bool {
	v := c.version
	p.deadline[v] = min(p.deadline[v], c.ret)
	if c.meaning != committedStep {
		return p.know(v, c.state)
	}
	if v == 0 || p.made[v] != nil || !p.know(v, c.to) || !p.know(v-1, c.from) {
		return false
	}
	p.made[v] = c
	return true
}

// know adds the value of a version, which may be unspecified.
func (p *gapPlan) know(v int64, value int32) bool {
	if value == unspecified {
		return true
	}
	known := p.value[v]
	p.value[v] = value
	return known == unspecified || known == value
}

// choose fills gaps with writes, which are in order of call. It returns those
// left over.
func (p *gapPlan) choose(gaps []int32, writes []*checkedOp) (left []*checkedOp, ok bool) {
	next := len(writes) - 1
	for _, v := range slices.Backward(gaps) {
		for next >= 0 && writes[next].call > p.deadline[v] {
			left = append(left, writes[next])
			next--
		}
		if next < 0 {
			return nil, false
		}
		p.made[v] = writes[next]
		next--
	}
	return append(left, writes[:next+1]...), true
}
