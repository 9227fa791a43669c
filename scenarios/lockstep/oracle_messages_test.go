package lockstep

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

func (s *script) nodeSends(id int, m node.Message) {
	s.observe(id, &stepReport{sent: []messageSent{{message: &envelope{Message: m}}}})
}

// clientSends has client 1 send an attempt of operation c1.1.
func (s *script) clientSends(r node.Request) {
	r.Kind, r.Key = node.Propose, key
	if r.ID == "" {
		r.ID = "c1.1"
	}
	s.observe(101, &requestSent{&s.run.plan.Operations[0], &r, node.ID(1 + r.Attempt%3)})
}

// exchangeEnds has client 1 learn the end of an attempt of operation c1.1.
func (s *script) exchangeEnds(end session.Exchange) {
	r := &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", Attempt: end.Attempt}
	s.observe(101, &exchangeEnded{&s.run.plan.Operations[0], r, end})
}

// returnRejectedAfter has client 1 call c1.1 rejected after the end of an attempt.
func (s *script) returnRejectedAfter(end session.Exchange) {
	s.exchangeEnds(end)
	s.observe(101, &scenarios.Response{Operation: &s.run.plan.Operations[0], Outcome: scenarios.Rejected})
}

// sendProposal has a node send a proposal of a machine that exists, so any operation may
// be the reason.
func (s *script) sendProposal(id int, phase node.Phase, ballot, next node.Ballot) {
	s.run.oracle.machine(key).everAccepted = true
	s.nodeSends(id, &node.Proposal{Phase: phase, Key: key, Ballot: ballot, Next: next})
}

// bootAll makes all nodes ready in their first boot.
func (s *script) bootAll() {
	for id := 1; id <= 3; id++ {
		s.boot(id, 1)
	}
}

// beginRoundAfterFailures has node 1 begin a round after 11 failures and two rounds of 31 ns each.
// Its resend timeout is 4, 8, 16, 32, 64, 128 ns after 0 to 5 failures and more. It may
// have counted 7 of the 11 (earlier rounds were quick by its own clock), then 3 after
// the first round, and still 3 after the second, which took more than half of 32 ns.
func (s *script) beginRoundAfterFailures() {
	s.run.plan.Knobs.ResendTimeout = 4
	s.bootAll()
	for range 11 {
		s.endRound(1, b(1, 1))
	}
	for _, ballot := range []node.Ballot{b(10, 1), b(20, 1)} {
		s.sendProposal(1, node.Prepare, ballot, node.Ballot{})
		s.at += 31
		s.choose(ballot, valueAfter("x"), 1, 2)
		s.observeNode(1, node.Observation{Kind: node.Chosen, Ballot: ballot, Value: valueAfter("x")})
	}
	s.sendProposal(1, node.Prepare, b(30, 1), node.Ballot{})
}

// rejectBeforeRound has node 1 take a rejection that tells of a promise.
func (s *script) rejectBeforeRound(round uint64) {
	s.bootAll()
	s.run.oracle.forNode(s.at, 1).noteRejected(&node.Reject{Phase: node.Prepare, Key: key, Ballot: b(1, 1), Reason: node.StaleBallot, Promised: b(round, 2)})
}

// failOnce has a round of node 1 fail, whose resend timeout then is 8 ns.
func (s *script) failOnce() {
	s.run.plan.Knobs.ResendTimeout = 4
	s.bootAll()
	s.endRound(1, b(1, 1))
}

// endRound has a round of a node fail.
func (s *script) endRound(id int, ballot node.Ballot) {
	s.observeNode(id, node.Observation{Kind: node.RoundEnded, Ballot: ballot, Attempts: 1, Rejections: 1})
}

// sendTwice has node 1 send a prepare, and again after some time.
func (s *script) sendTwice(ballot node.Ballot, after scenarios.Duration) {
	s.sendProposal(1, node.Prepare, ballot, node.Ballot{})
	s.at += after
	s.sendProposal(1, node.Prepare, ballot, node.Ballot{})
}

// succeedAfter has a round of node 1 succeed after some time.
func (s *script) succeedAfter(ballot node.Ballot, took scenarios.Duration) {
	s.sendProposal(1, node.Accept, ballot, node.Ballot{Epoch: 1, Round: 99, Node: 1, Boot: 1})
	s.at += took
	s.choose(ballot, valueAfter("x"), 1, 2)
	s.observeNode(1, node.Observation{Kind: node.Chosen, Ballot: ballot, Value: valueAfter("x")})
}

// proposeThenOvertake has node 1 propose x, and then y and z chosen, of which the dedup
// window keeps z only.
func (s *script) proposeThenOvertake() {
	s.arrive(1, "x", 1)
	s.prepare(b(1, 1), 1, 2)
	s.propose(1, b(1, 1), node.Ballot{}, valueAfter("x"))
	s.choose(b(2, 2), valueAfter("y"), 2, 3)
	s.choose(b(3, 2), lastEntries(1, valueAfter("y", "z")), 2, 3)
}

// proposeAgain has node 1 propose x after z.
func (s *script) proposeAgain() {
	s.prepare(b(4, 1), 1, 2)
	s.propose(1, b(4, 1), b(3, 2), lastEntries(1, valueAfter("y", "z", "x")))
}

// The oracle checks each message, proposal and reply against the durable ballots, the
// chosen values and the attempts.
func TestEverySentMessageIsChecked(t *testing.T) {
	x, xy := valueAfter("x"), valueAfter("x", "y")
	read := func(seq uint64, first node.OpID) *node.ReadRequest {
		return &node.ReadRequest{Key: key, Read: node.ReadID{Node: 1, Boot: 1, Seq: seq}, First: first}
	}
	extends := func(s *script, to sim.ID, ballot node.Ballot, ext node.Extension) {
		s.run.oracle.machine(key).everAccepted = true
		m := &node.Proposal{Phase: node.Accept, Key: key, Ballot: ballot, Next: b(99, 1), Extension: &ext}
		s.observe(1, &stepReport{sent: []messageSent{{&envelope{Message: m}, to}}})
	}
	proposeXY := func(s *script) { // node 2 has accepted x, and node 3 has not
		s.run.plan.Knobs.ResendTimeout = 4
		s.bootAll()
		s.arrive(1, "x", 1)
		s.choose(b(1, 1), x, 1, 2)
		s.arrive(1, "y", 1)
		s.prepare(b(2, 1), 1, 2)
		s.propose(1, b(2, 1), b(1, 1), xy)
	}
	y := xy.Window[1:]
	for name, c := range map[string]struct {
		want string // empty: no violation
		play func(*script)
	}{
		"a value is sent as an extension to a node that has the base": {"", func(s *script) {
			proposeXY(s)
			extends(s, 2, b(2, 1), node.Extension{Base: b(1, 1), Entries: y})
		}},
		"an extension is sent to a node without the base": {"values/base-not-accepted", func(s *script) {
			proposeXY(s)
			extends(s, 3, b(2, 1), node.Extension{Base: b(1, 1), Entries: y})
		}},
		"an extension drops what the value keeps": {"values/other-extension", func(s *script) {
			proposeXY(s)
			extends(s, 2, b(2, 1), node.Extension{Base: b(1, 1), Dropped: 1, Entries: y})
		}},
		"an extension adds another entry": {"values/other-extension", func(s *script) {
			proposeXY(s)
			extends(s, 2, b(2, 1), node.Extension{Base: b(1, 1), Entries: x.Window})
		}},
		"an extension is sent again": {"values/extension-resent", func(s *script) {
			proposeXY(s)
			extends(s, 2, b(2, 1), node.Extension{Base: b(1, 1), Entries: y})
			s.at += s.run.plan.Knobs.ResendTimeout
			extends(s, 2, b(2, 1), node.Extension{Base: b(1, 1), Entries: y})
		}},
		"the value is sent to a node that asks": {"", func(s *script) {
			proposeXY(s)
			extends(s, 2, b(2, 1), node.Extension{Base: b(1, 1), Entries: y})
			s.at++
			s.run.oracle.forNode(s.at, 1).noteAsked(2, &node.Reject{Phase: node.Accept, Key: key, Ballot: b(2, 1), Reason: node.BaseNotHeld})
			s.observe(1, &stepReport{sent: []messageSent{{&envelope{Message: &node.Proposal{Phase: node.Accept, Key: key, Ballot: b(2, 1), Next: b(99, 1), Value: xy}}, 2}}})
		}},
		"the value is sent again to a node that has not asked": {"bounds/sent-early", func(s *script) {
			proposeXY(s)
			extends(s, 2, b(2, 1), node.Extension{Base: b(1, 1), Entries: y})
			s.at++
			s.observe(1, &stepReport{sent: []messageSent{{&envelope{Message: &node.Proposal{Phase: node.Accept, Key: key, Ballot: b(2, 1), Next: b(99, 1), Value: xy}}, 2}}})
		}},
		"a promise is acknowledged when it is durable": {"", func(s *script) {
			s.prepare(b(1, 1), 2)
			s.nodeSends(2, &node.Acknowledgment{Phase: node.Prepare, Key: key, Ballot: b(1, 1)})
		}},
		"a promise is acknowledged before": {"durability/sent-before-sync", func(s *script) {
			s.promise(2, b(1, 1))
			s.nodeSends(2, &node.Acknowledgment{Phase: node.Prepare, Key: key, Ballot: b(1, 1)})
		}},
		"a value is acknowledged before": {"durability/sent-before-sync", func(s *script) {
			s.prepare(b(1, 1), 2)
			s.accept(2, b(1, 1), x)
			s.nodeSends(2, &node.Acknowledgment{Phase: node.Accept, Key: key, Ballot: b(1, 1)})
		}},
		"a value is reported before": {"durability/sent-before-sync", func(s *script) {
			s.accept(2, b(1, 1), x)
			s.nodeSends(2, &node.ReadReport{Key: key, Accepted: b(1, 1), Value: x})
		}},
		"repair tells of a value before": {"durability/sent-before-sync", func(s *script) {
			s.accept(2, b(1, 1), x)
			s.nodeSends(2, &node.RepairValue{Key: key, Ballot: b(1, 1), Value: x})
		}},
		"repair lists a value before": {"durability/sent-before-sync", func(s *script) {
			s.accept(2, b(1, 1), x)
			s.nodeSends(2, &node.RepairReport{Items: []node.RepairItem{{Key: key, Ballot: b(1, 1)}}})
		}},
		"repair tells of a value as chosen that is not": {"durability/sent-unchosen", func(s *script) {
			s.choose(b(1, 1), x, 2)
			s.nodeSends(2, &node.RepairValue{Key: key, Ballot: b(1, 1), Value: x, Chosen: true})
		}},
		"repair lists a value as chosen that is not": {"durability/sent-unchosen", func(s *script) {
			s.choose(b(1, 1), x, 2)
			s.nodeSends(2, &node.RepairReport{Items: []node.RepairItem{{Key: key, Ballot: b(1, 1), Chosen: true}}})
		}},
		"repair tells of a chosen value": {"", func(s *script) {
			s.choose(b(1, 1), x, 2, 3)
			s.nodeSends(2, &node.RepairReport{Items: []node.RepairItem{{Key: key, Ballot: b(1, 1), Chosen: true}}})
			s.nodeSends(2, &node.RepairValue{Key: key, Ballot: b(1, 1), Value: x, Chosen: true})
		}},
		"an exchange of repair is asked for twice": {"reads/id-reused", func(s *script) {
			s.bootAll()
			s.nodeSends(1, &node.RepairRequest{Exchange: node.ReadID{Node: 1, Boot: 1, Seq: 1}})
			s.nodeSends(1, &node.RepairRequest{Exchange: node.ReadID{Node: 1, Boot: 1, Seq: 1}})
		}},
		"a refusal tells of a promise before": {"durability/sent-before-sync", func(s *script) {
			s.promise(2, b(5, 3))
			s.nodeSends(2, &node.Reject{Phase: node.Prepare, Key: key, Ballot: b(1, 1), Promised: b(5, 3)})
		}},
		"a ballot of another node": {"ballots/foreign", func(s *script) {
			s.bootAll()
			s.sendProposal(1, node.Prepare, b(1, 2), node.Ballot{})
		}},
		"a ballot of another boot": {"ballots/foreign", func(s *script) {
			s.bootAll()
			s.sendProposal(1, node.Prepare, node.Ballot{Epoch: 1, Round: 1, Node: 1, Boot: 9}, node.Ballot{})
		}},
		"a round and its retransmissions": {"", func(s *script) {
			s.bootAll()
			for range 2 {
				s.sendProposal(1, node.Prepare, b(1, 1), node.Ballot{})
			}
			for range 2 {
				s.sendProposal(1, node.Accept, b(1, 1), b(2, 1))
			}
			s.endRound(1, b(1, 1))
			s.sendProposal(1, node.Accept, b(2, 1), b(3, 1))
		}},
		"the next ballot is prepared": {"ballots/next-prepared", func(s *script) {
			s.bootAll()
			s.sendProposal(1, node.Accept, b(1, 1), b(2, 1))
			s.endRound(1, b(1, 1))
			s.sendProposal(1, node.Prepare, b(2, 1), node.Ballot{})
		}},
		"two accepts have the same next ballot": {"ballots/next-reused", func(s *script) {
			s.bootAll()
			s.sendProposal(1, node.Accept, b(1, 1), b(3, 1))
			s.endRound(1, b(1, 1))
			s.sendProposal(1, node.Accept, b(2, 1), b(3, 1))
		}},
		"read exchanges, one sent again": {"", func(s *script) {
			s.bootAll()
			s.nodeSends(1, read(1, "c1.1"))
			s.nodeSends(1, read(1, "c1.1"))
			s.nodeSends(1, read(2, "c1.2"))
		}},
		"a read id is used for two exchanges": {"reads/id-reused", func(s *script) {
			s.bootAll()
			s.nodeSends(1, read(1, "c1.1"))
			s.nodeSends(1, read(1, "c1.2"))
		}},
		"a read id comes back": {"reads/id-reused", func(s *script) {
			s.bootAll()
			s.nodeSends(1, read(2, "c1.1"))
			s.nodeSends(1, read(1, "c1.2"))
		}},
		"proposed on one promise of three": {"promises/no-quorum", func(s *script) {
			s.prepare(b(1, 1), 1)
			s.arrive(1, "x", 1)
			s.propose(1, b(1, 1), node.Ballot{}, x)
		}},
		"proposed past what was chosen": {"promises/chosen-value-ignored", func(s *script) {
			s.choose(b(1, 2), x, 1, 2)
			s.prepare(b(3, 1), 1, 2)
			s.arrive(1, "y", 1)
			s.propose(1, b(3, 1), node.Ballot{}, valueAfter("y"))
		}},
		"proposed what nobody waits for": {"outcomes/proposed-after-response", func(s *script) {
			s.prepare(b(1, 1), 1, 2)
			s.propose(1, b(1, 1), node.Ballot{}, x)
		}},
		"proposed after its answer": {"outcomes/proposed-after-response", func(s *script) {
			s.arrive(1, "x", 1)
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Rejected, Reason: node.Timeout})
			s.prepare(b(1, 1), 1, 2)
			s.propose(1, b(1, 1), node.Ballot{}, x)
		}},
		"turned away after it was proposed": {"outcomes/rejected-after-accept", func(s *script) {
			s.arrive(1, "x", 1)
			s.prepare(b(1, 1), 1, 2)
			s.propose(1, b(1, 1), node.Ballot{}, x)
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Rejected, Reason: node.Timeout})
		}},
		"illegal in a later round than it was proposed in": {"", func(s *script) {
			s.arrive(1, "x", 1)
			s.prepare(b(1, 1), 1, 2)
			s.propose(1, b(1, 1), node.Ballot{}, x)
			s.choose(b(2, 2), valueAfter("y"), 2, 3)
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Rejected, Reason: node.Illegal, State: "Running", Version: 1, Serial: 1})
		}},
		"a retry is rejected": {"outcomes/rejected-retry", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.clientSends(node.Request{Attempt: 2, Retry: true})
			s.arriveRequest(1, node.Request{ID: "c1.1", Attempt: 2, Retry: true})
			s.reply(1, node.Reply{ID: "c1.1", Attempt: 2, Outcome: node.Rejected, Reason: node.Timeout})
		}},
		"illegal in an older state than the request met": {"outcomes/stale", func(s *script) {
			s.choose(b(1, 2), xy, 1, 2)
			s.arrive(1, "z", 1)
			s.reply(1, node.Reply{ID: "z", Attempt: 1, Outcome: node.Rejected, Reason: node.Illegal, State: "Running", Version: 1, Serial: 1})
		}},
		"a round is given up when it was refused": {"", func(s *script) {
			s.endRound(1, b(1, 1))
		}},
		"a round is given up too early": {"progress/abandoned-early", func(s *script) {
			s.observeNode(1, node.Observation{Kind: node.RoundEnded, Ballot: b(1, 1), Attempts: uint32(s.run.plan.Knobs.MaxResends)})
		}},
		"a round was sent once of two times": {"progress/not-resent", func(s *script) {
			s.bootAll()
			s.at++
			s.sendProposal(1, node.Prepare, b(1, 1), node.Ballot{})
			s.observeNode(1, node.Observation{Kind: node.RoundEnded, Ballot: b(1, 1), Attempts: 2})
		}},
		"a round was sent two times": {"", func(s *script) {
			s.bootAll()
			s.at++
			s.sendProposal(1, node.Prepare, b(1, 1), node.Ballot{})
			s.at++
			s.sendProposal(1, node.Prepare, b(1, 1), node.Ballot{})
			s.observeNode(1, node.Observation{Kind: node.RoundEnded, Ballot: b(1, 1), Attempts: 2})
		}},
		"a proposal is sent again late": {"progress/resent-late", func(s *script) {
			s.bootAll()
			s.sendProposal(1, node.Prepare, b(1, 1), node.Ballot{})
			s.at += 2*s.run.plan.Knobs.ResendTimeout + 2
			s.sendProposal(1, node.Prepare, b(1, 1), node.Ballot{})
		}},
		"a proposal is sent again later after failures": {"", func(s *script) {
			s.bootAll()
			s.endRound(1, b(1, 1))
			s.sendProposal(1, node.Prepare, b(2, 1), node.Ballot{})
			s.at += 2*s.run.plan.Knobs.ResendTimeout + 2
			s.sendProposal(1, node.Prepare, b(2, 1), node.Ballot{})
		}},
		"a proposal is sent again by a node whose rounds were not all quick by its own clock": {"", func(s *script) {
			s.beginRoundAfterFailures()
			s.at += 2 * 32 // as after 3 failures
			s.sendProposal(1, node.Prepare, b(30, 1), node.Ballot{})
		}},
		"a proposal is sent again later than any clock explains": {"progress/resent-late", func(s *script) {
			s.beginRoundAfterFailures()
			s.at += 2*64 + 2 // as after 4 failures
			s.sendProposal(1, node.Prepare, b(30, 1), node.Ballot{})
		}},
		"a round is begun over one under way": {"progress/round-dropped", func(s *script) {
			s.bootAll()
			s.sendProposal(1, node.Prepare, b(1, 1), node.Ballot{})
			s.at++
			s.sendProposal(1, node.Prepare, b(2, 1), node.Ballot{})
		}},
		"a round is begun when the last has failed": {"", func(s *script) {
			s.bootAll()
			s.sendProposal(1, node.Prepare, b(1, 1), node.Ballot{})
			s.endRound(1, b(1, 1))
			s.sendProposal(1, node.Prepare, b(2, 1), node.Ballot{})
		}},
		"a rejection teaches nothing": {"progress/told-in-vain", func(s *script) {
			s.rejectBeforeRound(5)
			s.sendProposal(1, node.Prepare, b(5, 1), node.Ballot{})
		}},
		"a rejection teaches which round to exceed": {"", func(s *script) {
			s.rejectBeforeRound(5)
			s.sendProposal(1, node.Prepare, b(6, 1), node.Ballot{})
		}},
		"a node forgets a failure": {"bounds/sent-early", func(s *script) {
			s.failOnce()
			s.sendTwice(b(2, 1), 6)
		}},
		"a node waits twice as long after a failure": {"", func(s *script) {
			s.failOnce()
			s.sendTwice(b(2, 1), 8)
		}},
		"a quick success makes up for a failure": {"", func(s *script) {
			s.failOnce()
			s.succeedAfter(b(2, 1), 3)
			s.sendTwice(b(3, 1), 4)
		}},
		"a slow success makes up for nothing": {"bounds/sent-early", func(s *script) {
			s.failOnce()
			s.succeedAfter(b(2, 1), 4)
			s.sendTwice(b(3, 1), 4)
		}},
		"proposed again, though it may have been chosen and have left the window": {"exactly-once/absence-not-known", func(s *script) {
			s.proposeThenOvertake()
			s.proposeAgain()
		}},
		"proposed again by a node that has seen all entries since": {"", func(s *script) {
			s.proposeThenOvertake()
			s.show(1, b(2, 2), valueAfter("y"))
			s.proposeAgain()
		}},
		"rejected, though it may have been chosen and have left the window": {"outcomes/rejected-after-accept", func(s *script) {
			s.proposeThenOvertake()
			s.show(1, b(3, 2), lastEntries(1, valueAfter("y", "z")))
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Rejected, Reason: node.Timeout})
		}},
		"rejected by a node that has seen another value in its place": {"", func(s *script) {
			s.proposeThenOvertake()
			s.show(1, b(2, 2), valueAfter("y"))
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Rejected, Reason: node.Timeout})
		}},
		"a queue waits though nothing is in its way": {"progress/queue-stalled", func(s *script) {
			s.choose(b(1, 1), x, 1, 2)
			s.observeNode(1, node.Observation{Kind: node.Chosen, Ballot: b(1, 1), Value: x, Waiting: 1})
			s.at++
			s.observeNode(1, node.Observation{Kind: node.Durable})
		}},
		"a queue goes on at once": {"", func(s *script) {
			s.bootAll()
			s.choose(b(1, 1), x, 1, 2)
			s.observeNode(1, node.Observation{Kind: node.Chosen, Ballot: b(1, 1), Value: x, Waiting: 1})
			s.sendProposal(1, node.Prepare, b(2, 1), node.Ballot{})
			s.at++
			s.observeNode(1, node.Observation{Kind: node.Durable})
		}},
		"what was accepted is refused when it comes again": {"progress/accepted-rejected", func(s *script) {
			s.choose(b(1, 1), x, 2)
			s.nodeSends(2, &node.Reject{Phase: node.Accept, Key: key, Ballot: b(1, 1), Reason: node.StaleBallot, Promised: b(1, 1)})
		}},
		"what a node has proposed is called malformed": {"values/malformed", func(s *script) {
			s.nodeSends(2, &node.Reject{Phase: node.Accept, Key: key, Ballot: b(1, 1), Reason: node.Malformed})
		}},
		"the same node is asked twice in a row": {"client/no-failover", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			r := &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", Attempt: 2, Retry: true}
			s.observe(101, &requestSent{&s.run.plan.Operations[0], r, 2})
		}},
		"a retry says so, and keeps its base": {"", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.clientSends(node.Request{Attempt: 2, Retry: true})
		}},
		"a retry does not say so": {"client/retry-not-marked", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.clientSends(node.Request{Attempt: 2})
		}},
		"a retry has another base": {"client/watermark-changed", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.choose(b(1, 2), xy, 1, 2)
			s.clientSends(node.Request{Attempt: 2, Retry: true, ID: node.Stamp(key, 2, "c1.1")})
		}},
		"begun anew when the first attempt is certainly without effect": {"", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.choose(b(1, 2), xy, 1, 2)
			s.arrive(1, "c1.1", 1)
			reply := node.Reply{Kind: node.Propose, Key: key, ID: "c1.1", Attempt: 1, Outcome: node.Rejected, Reason: node.WindowExpired, State: "Stopped", Version: 2, Serial: 2}
			s.reply(1, reply)
			s.exchangeEnds(session.Exchange{Attempt: 1, Reply: &reply})
			s.clientSends(node.Request{Attempt: 2, ID: node.Stamp(key, 2, "c1.1")})
		}},
		"begun anew though the rejection is lost": {"client/retry-not-marked", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.choose(b(1, 2), xy, 1, 2)
			s.arrive(1, "c1.1", 1)
			s.reply(1, node.Reply{ID: "c1.1", Attempt: 1, Outcome: node.Rejected, Reason: node.WindowExpired, State: "Stopped", Version: 2, Serial: 2})
			s.exchangeEnds(session.Exchange{Attempt: 1})
			s.clientSends(node.Request{Attempt: 2, ID: node.Stamp(key, 2, "c1.1")})
		}},
		"an attempt that was never sent is no reason for a retry": {"", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.exchangeEnds(session.Exchange{Attempt: 1, NeverSent: true})
			s.clientSends(node.Request{Attempt: 2})
			s.returnRejectedAfter(session.Exchange{Attempt: 2, NeverSent: true})
		}},
		"an attempt that was never sent arrives": {"client/never-sent-arrived", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.exchangeEnds(session.Exchange{Attempt: 1, NeverSent: true})
			s.arrive(1, "c1.1", 1)
		}},
		"an attempt that was never sent has arrived": {"client/never-sent-arrived", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.arrive(1, "c1.1", 1)
			s.exchangeEnds(session.Exchange{Attempt: 1, NeverSent: true})
		}},
		"a request is another one when it arrives": {"wire/request-changed", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.clientSends(node.Request{Attempt: 2, Retry: true})
			s.arriveRequest(1, node.Request{ID: "c1.1", Attempt: 2})
		}},
		"a reply is another one when it arrives": {"wire/reply-changed", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.arrive(1, "c1.1", 1)
			s.reply(1, node.Reply{ID: "c1.1", Attempt: 1, Outcome: node.Unknown, Reason: node.Timeout})
			s.exchangeEnds(session.Exchange{Attempt: 1, Reply: &node.Reply{Kind: node.Propose, Key: key, ID: "c1.1", Attempt: 1, Outcome: node.Rejected, Reason: node.Timeout}})
		}},
		"rejected after a loss": {"client/rejected-while-open", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.returnRejectedAfter(session.Exchange{Attempt: 1})
		}},
		"unknown though nothing was sent": {"client/unknown-though-refuted", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.exchangeEnds(session.Exchange{Attempt: 1, NeverSent: true})
			s.observe(101, &scenarios.Response{Operation: &s.run.plan.Operations[0], Outcome: scenarios.Unknown})
		}},
		"unknown after a loss": {"", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.exchangeEnds(session.Exchange{Attempt: 1})
			s.observe(101, &scenarios.Response{Operation: &s.run.plan.Operations[0], Outcome: scenarios.Unknown})
		}},
		"rejected for all attempts after a loss": {"", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.exchangeEnds(session.Exchange{Attempt: 1})
			s.clientSends(node.Request{Attempt: 2, Retry: true})
			s.returnRejectedAfter(session.Exchange{Attempt: 2, Reply: &node.Reply{Outcome: node.Rejected, Reason: node.Illegal, Final: true}})
		}},
		"a base that was not chosen": {"client/watermark-not-chosen", func(s *script) {
			s.clientSends(node.Request{Attempt: 1, ID: node.Stamp(key, 1, "c1.1")})
		}},
		"an attempt under another id": {"client/other-id", func(s *script) {
			s.clientSends(node.Request{Attempt: 1, ID: "c1.9"})
		}},
		"an attempt under an id that no node takes": {"client/bad-id", func(s *script) {
			s.clientSends(node.Request{Attempt: 1, ID: node.Stamp("lifecycle/b", 0, "c1.1")})
		}},
		"what is illegal is not": {"outcomes/false-illegal", func(s *script) {
			s.clientSends(node.Request{Attempt: 1})
			s.arrive(1, "c1.1", 1)
			s.reply(1, node.Reply{ID: "c1.1", Attempt: 1, Outcome: node.Rejected, Reason: node.Illegal, State: "Init"})
		}},
		"a conflict that there is": {"", func(s *script) {
			s.clientProposes(&scenarios.Operation{ID: "y", IDOf: "x", Client: 1, Key: key, Argument: "Stopped", IDScheme: scenarios.OwnID}, &node.Request{ID: "x", Attempt: 1, Retry: true})
			s.clientProposes(&scenarios.Operation{ID: "x", Client: 2, Key: key, Argument: "Running", IDScheme: scenarios.OwnID}, &node.Request{ID: "x", Attempt: 1, Retry: true})
			s.choose(b(1, 1), x, 1, 2)
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Rejected, Reason: node.IDConflict, Final: true, State: "Running", Version: 1, Serial: 1})
		}},
		"under one id, each version that is expected may be made": {"", func(s *script) {
			none, three := uint64(0), uint64(3)
			s.clientProposes(&scenarios.Operation{ID: "x", Client: 1, Key: key, Argument: "Running", Expect: &none}, &node.Request{ID: "x", Attempt: 1})
			s.clientProposes(&scenarios.Operation{ID: "w", IDOf: "x", Client: 2, Key: key, Argument: "Running", Expect: &three, IDScheme: scenarios.OwnID}, &node.Request{ID: "x", Attempt: 1})
			s.choose(b(1, 1), valueAfter("x", "y", "z"), 1, 2)
			s.choose(b(2, 2), valueAfter("x", "y", "z", "x"), 2, 3)
		}},
		"rejected for good where another has led on from the version expected": {"", func(s *script) {
			s.proposeAtVersion("x", 0)
			s.choose(b(1, 1), valueAfter("y"), 1, 2)
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Rejected, Reason: node.VersionMismatch, Final: true, State: "Running", Version: 1, Serial: 1})
		}},
		"a request has no answer in the end": {"liveness/request-unanswered", func(s *script) {
			s.arrive(1, "x", 1)
			s.violation = s.run.Agree(0)
		}},
		"a request dies with its node": {"", func(s *script) {
			s.bootAll()
			s.arrive(1, "x", 1)
			s.restart(1)
			s.violation = s.run.Agree(0)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			require.NotPanics(t, func() { c.play(s) })
			if c.want == "" {
				require.Nil(t, s.violation)
				return
			}
			require.NotNil(t, s.violation)
			require.Equal(t, c.want, s.violation.Signature())
			require.NotEmpty(t, s.violation.Sentence)
		})
	}
}

var _ scenarios.Run = (*run)(nil)
