package shrink

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// rename gives the remaining parts simple names and a simple order: operations and
// machines count from 1, in the order of time.
func (s *search) rename() {
	ids, machines := map[string]string{}, map[string]string{}
	counts := make([]int, s.plan.Clients+1)
	for i := range s.plan.Operations {
		o := &s.plan.Operations[i]
		counts[o.Client]++
		ids[o.ID] = fmt.Sprintf("c%d.%d", o.Client, counts[o.Client])
	}
	for i, key := range s.plan.Machines() {
		if s.plan.Workload != "" {
			machines[key] = fmt.Sprintf("k%d", i+1)
			continue
		}
		name, _, _ := fsm.SplitKey(key)
		if name == fsm.MetaName {
			continue // the machine of a definition has its name
		}
		machines[key] = fmt.Sprintf("%s/m%d", name, i+1)
	}
	s.try(renamed(s.plan, machines, ids))
	s.try(renamed(s.plan, nil, ids))
	sorted := clone(s.plan)
	slices.SortStableFunc(sorted.Operations, func(a, b scenarios.Operation) int { return cmp.Compare(a.At, b.At) })
	slices.SortStableFunc(sorted.Faults, func(a, b scenarios.Fault) int { return cmp.Compare(a.At, b.At) })
	s.try(sorted)
}

// renamed is p with other names for machines and operations, in the addresses of
// messages too. Names that are not listed stay.
func renamed(p *scenarios.Plan, machines, operations map[string]string) *scenarios.Plan {
	q := clone(p)
	change := func(names map[string]string, s *string) {
		if to, ok := names[*s]; ok {
			*s = to
		}
	}
	for i := range q.Operations {
		change(machines, &q.Operations[i].Key)
		change(operations, &q.Operations[i].ID)
	}
	for i := range q.Overrides {
		m := &q.Overrides[i].Message
		if words := strings.Fields(m.Name); len(words) == 3 {
			change(machines, &words[1])
			change(operations, &words[2])
			m.Name = strings.Join(words, " ")
		}
	}
	return q
}
