package node

import (
	"time"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// The way of definitions and of repair into the node: see definitionsNode and repairNode.

// readDefinition implements definitionsNode.
func (n *Node) readDefinition(l *lookup) {
	o := n.operation(n.cfg.ID, &Request{Kind: Read, Key: metaKey(l.name), ID: lookupID})
	o.definitionLookup = l
	n.read(n.ensureMachine(o.req.Key), o)
}

// refuseRequest implements definitionsNode.
func (n *Node) refuseRequest(client ID, r *Request, why Reason) {
	n.giveUp(n.operation(client, r), why)
}

// isLogged implements definitionsNode.
func (n *Node) isLogged(localKey string) bool { return n.machines.get(localKey) != nil }

// logDefinition implements definitionsNode.
func (n *Node) logDefinition(localKey, text string) {
	m := n.createMachine(localKey, n.definitions.known[fsm.MetaName])
	m.accepted = Ballot{Round: 1, Boot: n.boot, Epoch: n.epoch, Node: n.cfg.ID}
	m.promised = m.accepted
	m.value = initial(m.def, n.firstSerial).withEntry(Entry{ID: lookupID, To: text}, 1)
	n.persist(m)
}

// clock implements repairNode.
func (n *Node) clock() time.Duration { return n.now }

func (n *Node) sendsWaiting() int { return len(n.sendsAwaitingSync) }

// setTimer implements repairNode.
func (n *Node) setTimer(token uint64, at time.Duration) {
	n.out.Timers = append(n.out.Timers, SetTimer{token, at - n.now})
}

// newReadID implements repairNode.
func (n *Node) newReadID() ReadID {
	n.lastExchange++
	invariant.Check(n.lastExchange < 1<<epochShift, "node: a boot has fewer exchanges than a ReadID counts")
	return ReadID{n.cfg.ID, n.boot, uint64(n.epoch-firstEpoch)<<epochShift | n.lastExchange}
}

// logEnd implements repairNode.
func (n *Node) logEnd() wal.LSN { return n.log.End() }

// requireDefinition implements repairNode.
func (n *Node) requireDefinition(peer ID, key string) bool {
	if n.definitions.find(key) != nil {
		return true
	}
	n.definitions.fetch(peer, key)
	return false
}

// learnFromPeer implements repairNode.
func (n *Node) learnFromPeer(m *machine, b Ballot, v *Value) {
	n.learn(m, b, v)
	n.observe(Observation{Kind: Learnt, Key: m.key, Ballot: b, Value: v})
}

// startNoOpRound implements repairNode.
func (n *Node) startNoOpRound(m *machine, known Ballot) {
	n.attachWork(m)
	m.reported = maxBallot(m.reported, known)
	n.counts.PrepareRounds++
	m.round = round{phase: Prepare, ballot: n.newBallot(m), first: noOperation, batch: m.round.batch[:0], beganAt: n.now}
	n.sendRound(m)
}
