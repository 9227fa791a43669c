package service

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
)

// QuotaOperations is the name of the quota of operations in flight: Config.Pending.
const QuotaOperations = "operations"

// Quotas returns the use of all limits at which a client is refused: those of the node, of
// what is created for good, and that of operations in flight. The names are those of
// node.QuotaUse, and QuotaOperations.
func (s *Service) Quotas() []node.QuotaUse {
	use := s.node.QuotaUse()
	return append(use[:], node.QuotaUse{Name: QuotaOperations, Used: uint64(s.requests.count()), Limit: uint64(s.cfg.Pending)})
}

// Percentages of a quota: from the first on an operator is told that it is nearly used
// up; below the second the next time counts as a new one.
const (
	tellFrom  = 80
	quietFrom = 70
)

// quotaNotices remembers what an operator was told of each quota, by its place in
// Quotas.
type quotaNotices [5]struct{ near, full bool }

// tellQuotas tells the operator of quotas that are nearly or wholly used up, each once:
// before clients are refused, unless all is used up in one step.
func (s *Service) tellQuotas() {
	if s.cfg.Notify == nil {
		return
	}
	for i, q := range s.Quotas() {
		told := &s.notices[i]
		switch {
		case q.Used >= q.Limit && !told.full:
			told.near, told.full = true, true
			s.cfg.Notify(member.Notice{Level: member.Critical, Text: fmt.Sprintf("the quota of %s is used up, %d of %d: %s", q.Name, q.Used, q.Limit, remedy(q.Name))})
		case usedPercent(q) >= tellFrom && !told.near:
			told.near = true
			s.cfg.Notify(member.Notice{Level: member.Warn, Text: fmt.Sprintf("%d of %d %s are used, %d %% of the quota: %s", q.Used, q.Limit, q.Name, usedPercent(q), remedy(q.Name))})
		case usedPercent(q) < quietFrom:
			told.near, told.full = false, false
		}
	}
}

// usedPercent is how much of a quota is used, in percent, rounded down; at most 100.
func usedPercent(q node.QuotaUse) uint64 {
	switch {
	case q.Used >= q.Limit:
		return 100
	case q.Limit < 100:
		return q.Used * 100 / q.Limit
	}
	return min(q.Used/(q.Limit/100), 99)
}

// remedy is the effect of a quota, and the operator's remedy.
func remedy(name string) string {
	if name == QuotaOperations {
		return "beyond it clients are refused: find who asks so much, or permit more"
	}
	return "beyond it nothing new is created here, and what exists goes on: find who creates so much, or raise the quota on all nodes"
}
