package play

import (
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// healProgress is the progress of the heal phase's fresh operations.
type healProgress struct {
	wave         int // 1: without some nodes; 2: with all
	machinesDone int // machines whose fresh operation has ended in this wave
	attempts     int // made for the current machine
	begin        scenarios.Duration
	lastResponse *scenarios.Response
}

// heal ends every fault and starts every node that is not lost.
func (s *runner) heal() {
	s.healed = true
	s.leaveOut()
	s.world.Heal(s.plan.Heal.Network())
	for n := 1; n <= s.plan.Nodes; n++ {
		id := scenarios.NodeID(n)
		s.world.ClearDiskFaults(id)
		s.endStopping(id)
		s.nodes[id].downFaults, s.nodes[id].awaitsRestart = 0, false
		if !s.world.Up(id) && !s.nodes[id].downForGood {
			s.world.Start(id)
		}
	}
	s.beginExclusion()
	if run, ok := s.run.(scenarios.Reconfigurer); ok && s.changesMembers {
		s.abandonStalled(run, 0)
	}
	s.whenClientsDone()
}

// abandonStalled has an operator look now and then whether the change of members under way
// is stalled, and ask one node after the other to abandon it.
func (s *runner) abandonStalled(run scenarios.Reconfigurer, turn int) {
	if ids := run.Stalled(); len(ids) > 0 {
		id := ids[turn%len(ids)]
		s.world.Invoke(s.world.Now(), id, &scenarios.ChangeRequest{Fault: &scenarios.Fault{Kind: scenarios.Members, Change: scenarios.AbandonChange, Nodes: []sim.ID{id}}})
	}
	s.world.Schedule(s.world.Now()+netmodel.Second, "look after the change of members", func() { s.abandonStalled(run, turn+1) })
}

// takeOut chooses the nodes that are excluded from now on: those of the plan, unless the members
// change and the run says that the others may need them.
func (s *runner) takeOut() {
	s.excluded = s.plan.Heal.Excluded
	if run, ok := s.run.(scenarios.Reconfigurer); s.changesMembers && (!ok || !run.TakeOut(s.excluded)) {
		s.excluded = nil
	}
}

// takeBack ends the exclusion: the nodes come back, but for those that are no members any more.
func (s *runner) takeBack() {
	if run, ok := s.run.(scenarios.Reconfigurer); ok && s.changesMembers {
		run.TakeOut(nil)
		s.leaveOut()
	}
}

// beginExclusion excludes nodes from the core, if the plan does so from the start
// of the heal phase.
func (s *runner) beginExclusion() {
	if s.plan.Heal.Exclusion == scenarios.DownAtFirst {
		return
	}
	if s.takeOut(); len(s.excluded) == 0 {
		return
	}
	s.exclusion = s.plan.Heal.Exclusion
	switch s.exclusion {
	case scenarios.StayDown:
		each(s.excluded, s.losePower)
	case scenarios.StayCutOff:
		each(s.excludedLinks(), s.world.Network().Cut)
	case scenarios.StayPaused:
		each(s.excluded, s.world.Pause)
	}
	s.hits[scenarios.Exclusions]++
}

// endExclusion ends the effects of beginExclusion.
func (s *runner) endExclusion() {
	s.takeBack()
	switch s.exclusion {
	case scenarios.StayDown:
		each(s.excluded, s.start)
	case scenarios.StayCutOff:
		each(s.excludedLinks(), s.world.Network().Uncut)
	case scenarios.StayPaused:
		each(s.excluded, s.world.Resume)
	}
}

// excludedLinks lists the links between the core and the excluded nodes, in both
// directions.
func (s *runner) excludedLinks() []netmodel.Link {
	isExcluded := func(id sim.ID) bool { return slices.Contains(s.excluded, id) }
	return netmodel.TwoWay(slices.DeleteFunc(idsFrom(1, s.plan.Nodes), isExcluded), s.excluded)
}

// whenClientsDone continues the heal phase once the fault phase is over and the
// clients are done.
func (s *runner) whenClientsDone() {
	if !s.healed || s.busyClients > 0 {
		return
	}
	if s.exclusion != scenarios.DownAtFirst {
		s.beginWave(1)
		return
	}
	s.converge()
}

// converge lets the nodes of a Repairer converge, and continues with fresh
// operations.
func (s *runner) converge() {
	if s.repairer != nil {
		s.awaitQuiescence()
		return
	}
	s.beginHealOps()
}

// awaitQuiescence gives the nodes time to find out by themselves which values they
// lack. Then they hold the same values and send nothing more. Nodes whose search
// for others has failed, as in a core, search again at growing intervals. They get
// four times the time: enough for the longest intervals in sequence, to be
// introduced (20 s), to compare, and to compare twice again after a no-op round.
func (s *runner) awaitQuiescence() {
	var sent uint64
	quietAt := s.world.Now() + s.plan.Heal.Within
	if s.exclusion != scenarios.DownAtFirst {
		quietAt += 3 * s.plan.Heal.Within
	}
	if s.anyNodeLost() {
		s.awaitRepair(quietAt + s.plan.Heal.Settle)
		return
	}
	s.world.Schedule(quietAt, "all has been said", func() { sent = s.world.Stats().Sent })
	s.world.Schedule(quietAt+s.plan.Heal.Settle, "go on", func() {
		if sent = s.world.Stats().Sent - sent; sent > 0 && !s.anyNodeLost() {
			s.violate(s.stillSending(sent))
		}
		s.violate(s.repairer.Repaired(s.world.Now()))
		s.beginHealOps()
	})
}

// awaitRepair gives the nodes until the deadline to hold the same values. It is for nodes
// that look for one that is lost, and so never fall silent: the rest of the time would
// show nothing but their search.
func (s *runner) awaitRepair(deadline scenarios.Duration) {
	s.world.Schedule(min(s.world.Now()+s.plan.Heal.Settle, deadline), "go on if repaired", func() {
		v := s.repairer.Repaired(s.world.Now())
		if v != nil && s.world.Now() < deadline {
			s.awaitRepair(deadline)
			return
		}
		s.violate(v)
		s.beginHealOps()
	})
}

func (s *runner) stillSending(sent uint64) *scenarios.Violation {
	v := &scenarios.Violation{
		Property: "liveness", Class: "still-sending", At: s.world.Now(),
		Sentence: fmt.Sprintf("Nodes do not fall silent: they have sent %d messages in the last %v, long after the last request", sent, s.plan.Heal.Settle),
	}
	return s.withRecentActivity(v, "")
}

// beginHealOps begins the fresh operations: without some of the nodes first, if the
// plan requires it.
func (s *runner) beginHealOps() {
	if len(s.plan.Heal.Excluded) > 0 && s.plan.Heal.Exclusion == scenarios.DownAtFirst {
		s.world.Schedule(s.world.Now()+s.plan.Heal.Settle/2, "go on without some nodes", func() {
			s.takeOut()
			each(s.excluded, s.losePower)
		})
		s.beginWave(1)
		return
	}
	s.beginWave(lastWave)
}

// lastWave is the wave of fresh operations with all nodes.
const lastWave = 2

func (s *runner) beginWave(wave int) {
	s.healOps = healProgress{wave: wave, begin: s.world.Now() + s.plan.Heal.Settle}
	s.endAt = s.healOps.begin + s.plan.Heal.Within
	s.nextHealOp()
}

// nextHealOp invokes the next fresh operation. After the last one the next wave
// begins, or the run ends when it has settled.
func (s *runner) nextHealOp() {
	switch {
	case s.healOps.machinesDone < len(s.machines):
		s.healOps.attempts++
		o := s.plan.HealOperation(s.objects, s.healOps.wave, s.healOps.machinesDone, s.machines[s.healOps.machinesDone], s.healOps.attempts)
		o.At = s.healOps.begin
		s.invoke(o)
	case s.healOps.wave < lastWave && s.exclusion != scenarios.DownAtFirst:
		s.endAt = math.MaxInt64
		s.world.Schedule(s.world.Now()+s.plan.Heal.Settle, "the core has settled", s.coreSettled)
	case s.healOps.wave < lastWave:
		s.takeBack()
		each(s.excluded, s.start)
		s.beginWave(lastWave)
	default:
		s.endAt = s.world.Now() + s.plan.Heal.Settle
	}
}

// coreSettled checks that the core agrees, and lets the excluded nodes join it.
func (s *runner) coreSettled() {
	if c, ok := s.run.(scenarios.CoreAgreer); ok {
		s.violate(c.CoreAgrees(s.world.Now(), s.excluded))
	}
	s.endExclusion()
	s.converge()
}

// onHealOpResponse handles the outcome of a fresh operation. Another one follows on the
// machine if this has not ended for certain. Of nodes with quotas that is not claimed: they
// may be full, one after the other, of other machines each. Then each operation takes its whole
// time, so the time of the wave begins anew.
func (s *runner) onHealOpResponse(r *scenarios.Response) {
	last := *r
	s.healOps.lastResponse = &last
	quotas := s.plan.HasQuotas()
	if quotas {
		s.endAt = s.world.Now() + s.plan.Heal.Within
	}
	if quotas || endsForCertain(r) {
		s.healOps.machinesDone++
		s.healOps.attempts = 0
	}
	s.nextHealOp()
}

func endsForCertain(r *scenarios.Response) bool {
	return r.Outcome == scenarios.Committed || r.Outcome == scenarios.Rejected && r.Reason == scenarios.Illegal
}

// checkLiveness reports a client that still waits, or a machine on which no fresh
// operation ended in time.
func (s *runner) checkLiveness() *scenarios.Violation {
	if s.busyClients > 0 {
		return s.clientStuck()
	}
	if s.healOps.wave == lastWave && s.healOps.machinesDone == len(s.machines) {
		return nil
	}
	key := s.machines[s.healOps.machinesDone]
	v := &scenarios.Violation{
		Property: "liveness", Class: "fresh-operation-stuck", At: s.world.Now(), Machine: key,
		Sentence: fmt.Sprintf("No fresh operation on %s ended for certain within %v after healing, in %d attempts",
			key, s.plan.Heal.Within, s.healOps.attempts),
	}
	if s.healOps.wave < lastWave {
		v.Sentence += fmt.Sprintf(" without nodes %d", s.excluded)
	}
	if s.healOps.lastResponse != nil {
		v.Sentence += fmt.Sprintf("; the last that returned was %v", s.healOps.lastResponse)
	}
	return s.withRecentActivity(v, key)
}
