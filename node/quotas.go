package node

import (
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// Quotas bound what is created for good: no machine and no definition is ever deleted,
// since a promise that is forgotten loses values. A node refuses to create one more when
// it is at a quota. What exists goes on, beyond the quotas too: rule 14.
type Quotas struct {
	Machines        uint64 // machines that a node has a promise or a value of
	MachineBytes    uint64 // bytes that full records of them would have in the log
	Definitions     uint64 // created definitions; configured ones do not count
	DefinitionBytes uint64 // bytes of the records of created definitions in the log
}

// DefaultQuotas are the quotas that fit in some 8 GB of memory and 10 GB of disk.
func DefaultQuotas() Quotas {
	return Quotas{Machines: 5_000_000, MachineBytes: 4 << 30, Definitions: 10_000, DefinitionBytes: 128 << 20}
}

// Validate returns an error about the first quota that is zero. It wraps ErrConfig.
func (q *Quotas) Validate() error {
	for _, x := range q.list() {
		if *x.limit == 0 {
			return fmt.Errorf("%w: quota of %s: 0: want 1 or more", ErrConfig, x.name)
		}
	}
	return nil
}

// class is the quota that a machine counts towards.
type class uint8

const (
	classMachine class = iota
	classDefinition
	classNote // towards none, as the register of the configuration
	classCount
)

// classOf returns the class of a key. A created definition has two: that of the machine
// that holds it, and that of its copy in the node's own log.
func classOf(key string) class {
	switch {
	case isNoteKey(key) || key == configuration.Key:
		return classNote
	case strings.HasPrefix(strings.TrimPrefix(key, localPrefix), fsm.MetaName+"/"):
		return classDefinition
	}
	return classMachine
}

// quota is one of Quotas.
type quota struct {
	name  string
	class class
	bytes bool // of bytes, not a count
	limit *uint64
}

// list lists the quotas, in the order of Quotas.
func (q *Quotas) list() [4]quota {
	return [...]quota{
		{"machines", classMachine, false, &q.Machines}, {"machine_bytes", classMachine, true, &q.MachineBytes},
		{"definitions", classDefinition, false, &q.Definitions}, {"definition_bytes", classDefinition, true, &q.DefinitionBytes},
	}
}

// QuotaUse is how much of a quota is used. Used may be above Limit: what others create, a
// node keeps.
type QuotaUse struct {
	Name        string // machines, machine_bytes, definitions or definition_bytes
	Used, Limit uint64
}

// QuotaUse returns the present use of each quota, in the order of Quotas.
func (n *Node) QuotaUse() (list [4]QuotaUse) {
	for i, q := range n.cfg.Quotas.list() {
		list[i] = QuotaUse{q.name, n.quotaUsed(&q), *q.limit}
	}
	return list
}

func (n *Node) quotaUsed(q *quota) uint64 {
	if q.bytes {
		return n.liveRecords.classBytes[q.class]
	}
	return n.kept[q.class]
}

// keep counts m towards its quota, once: from its first record or chosen value on.
func (n *Node) keep(m *machine) {
	if m.kept {
		return
	}
	m.kept = true
	if c := classOf(m.key); c != classDefinition || !n.keepsTwin(m.key) {
		n.kept[c]++
	}
}

// keepsTwin reports whether the other one of a definition's two machines is counted.
func (n *Node) keepsTwin(key string) bool {
	twin, local := strings.CutPrefix(key, localPrefix)
	if !local {
		twin = localPrefix + key
	}
	m := n.machines.get(twin)
	return m != nil && m.kept
}

// hasRoom reports whether this node may keep m: it does so already, or is at no quota of
// its class.
func (n *Node) hasRoom(m *machine) bool {
	if m.kept || n.keepsTwin(m.key) {
		return true
	}
	for _, q := range n.cfg.Quotas.list() {
		if q.class == classOf(m.key) && n.quotaUsed(&q) >= *q.limit {
			return false
		}
	}
	return true
}

// admits reports whether this node may create m: it has room, and so has a
// quorum, as far as its members have said.
func (n *Node) admits(m *machine) bool {
	room := n.all()
	for i, until := range n.fullUntil {
		if n.now < until {
			room.remove(i)
		}
	}
	return n.quorums.contain(room) && n.hasRoom(m)
}

// noteFull records that a member had no room for a machine.
func (n *Node) noteFull(i int) {
	invariant.Check(i >= 0 && i < len(n.cfg.Members), "node: a rejection is from a member")
	if n.cfg.Members[i] != n.cfg.ID { // its own use it knows
		n.fullUntil[i] = n.now + n.cfg.ConsensusTimeout
	}
}

// refusesForQuota reports whether the acceptor rejects a prepare for want of room. It
// never does so if the proposer knows the machine to exist: then a majority may need it.
func (n *Node) refusesForQuota(m *machine, p *Proposal) bool {
	return p.Phase == Prepare && p.Known.IsZero() && !n.hasRoom(m)
}
