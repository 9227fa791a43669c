package node

import (
	"fmt"
	"slices"
	"strings"
)

// Dump formats the node's whole state for people: the state of acceptor and
// learner, and the work under way. It changes nothing.
func (n *Node) Dump() string {
	var b strings.Builder
	fmt.Fprintf(&b, "clock: %v\nboot: %d, ready %v", n.now, n.boot, n.Ready())
	if n.log != nil {
		fmt.Fprintf(&b, ", log durable to %d of %d", n.durable, n.log.End())
	}
	if n.err != nil {
		fmt.Fprintf(&b, ", stopped: %v", n.err)
	}
	b.WriteByte('\n')
	for _, s := range n.sendsAwaitingSync {
		fmt.Fprintf(&b, "waits until the log is durable to %d: to %d: %v\n", s.durableAt, s.send.To, s.send.Message)
	}
	keys := n.Keys()
	slices.Sort(keys)
	for _, key := range keys {
		m := *n.machines.get(key) // a copy: a look opens none
		if m.open == nil {
			m.open = &open{}
			m.readFolded(m.open)
		}
		m.dump(&b, n)
	}
	return b.String()
}

func (m *machine) dump(b *strings.Builder, n *Node) {
	fmt.Fprintf(b, "%s\n", m.key)
	fmt.Fprintf(b, "  promised: %v\n", m.promised)
	fmt.Fprintf(b, "  accepted: %v: %v\n", m.accepted, m.value)
	m.value.dump(b)
	fmt.Fprintf(b, "  known to be chosen: %v: %v\n", m.chosenAt, m.chosen)
	if !m.chosen.Equal(m.value) {
		m.chosen.dump(b)
	}
	cached := m.cachedPromise
	if m.epoch != n.epoch {
		cached = Ballot{}
	}
	fmt.Fprintf(b, "  rounds: highest %d, cached promise %v, failures %d\n", m.highestRound, cached, m.failures)
	if m.work == nil {
		return
	}
	if r := &m.round; r.phase != 0 {
		fmt.Fprintf(b, "  round: %v %v, sent %d times, acknowledged by %v, rejected by %v\n",
			r.phase, r.ballot, r.attempts, n.memberIDs(r.acknowledged), n.memberIDs(r.rejected))
		dumpOperations(b, "in the round", r.batch)
	}
	dumpOperations(b, "waiting for a round", m.queue)
	if x := &m.quorumRead; x.id != (ReadID{}) {
		fmt.Fprintf(b, "  read exchange: %v, reported by %v\n", x.id, n.memberIDs(x.reported))
		dumpOperations(b, "in the exchange", x.batch)
		dumpOperations(b, "looking first", x.proposals)
	}
	dumpOperations(b, "waiting for an exchange", m.readQueue)
}

// dump lists the dedup window of v.
func (v *Value) dump(b *strings.Builder) {
	if v == nil {
		return
	}
	for i, e := range v.Window {
		fmt.Fprintf(b, "    %d %s %v%s → %s\n", v.lastEvicted()+uint64(i)+1, e.ID, e.Kind, requestedSuffix(e), e.To)
	}
}

// requestedSuffix formats the state that a rejected operation requested.
func requestedSuffix(e Entry) string {
	if e.Requested == "" {
		return ""
	}
	return " of " + e.Requested
}

func dumpOperations(b *strings.Builder, what string, list []*operation) {
	for _, o := range list {
		fmt.Fprintf(b, "  %s: %v of client %d, until %v\n", what, o.req, o.client, o.deadline)
	}
}

// memberIDs lists the members in s.
func (n *Node) memberIDs(s memberSet) []ID {
	list := []ID{}
	for i, id := range n.cfg.Members {
		if s.has(i) {
			list = append(list, id)
		}
	}
	return list
}
