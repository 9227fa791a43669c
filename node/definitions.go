package node

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Definitions that users create are machines like all others, with the key
// "definition/NAME" (fsm.MetaName). A node uses one once it knows it to be chosen;
// it never changes, since no transition leaves a definition's state. The node
// first writes it to its own log, so that after a restart it can read all that it
// has logged about the machines of that definition.

// lookup is a read of a definition that this node does not know. A request that
// arrives during the read waits for another one: this one may miss a definition that
// was chosen before the request.
type lookup struct {
	name    string
	waiting []waiter
	next    []waiter // for the next read
}

// waiter is a request that waits for a definition.
type waiter struct {
	client  ID
	request *Request
}

// maxLookups bounds the lookups at a time.
const maxLookups = 64

// awaitDefinition queues a request until the definition of its machine is read.
func (n *Node) awaitDefinition(name string, w waiter) {
	i := n.lookupIndex(name)
	switch {
	case i >= 0 && len(n.lookups[i].waiting)+len(n.lookups[i].next) < n.cfg.Queue:
		n.lookups[i].next = append(n.lookups[i].next, w)
	case i < 0 && len(n.lookups) < maxLookups:
		n.beginLookup(&lookup{name: name, waiting: []waiter{w}})
	default:
		n.giveUp(n.operation(w.client, w.request), Overloaded)
	}
}

// lookupIndex is the index in n.lookups of the lookup of name, or -1.
func (n *Node) lookupIndex(name string) int {
	return slices.IndexFunc(n.lookups, func(l *lookup) bool { return l.name == name })
}

// beginLookup reads a definition as a client would.
func (n *Node) beginLookup(l *lookup) {
	n.lookups = append(n.lookups, l)
	o := n.operation(n.cfg.ID, &Request{Kind: Read, Key: metaKey(l.name), ID: lookupID})
	o.definitionLookup = l
	n.read(n.ensureMachine(o.req.Key), o)
}

// lookupID is the operation id of a node's own reads. No client has it, since
// a name has no parentheses.
const lookupID OpID = "(lookup)"

func metaKey(name string) string { return fsm.MetaName + "/" + name }

// finishLookup ends a lookup: its waiting requests go on, or are rejected. If the
// definition is not there, those that arrived during the read begin another one.
func (n *Node) finishLookup(l *lookup, r Reply) {
	n.lookups = slices.DeleteFunc(n.lookups, func(other *lookup) bool { return other == l })
	if r.Outcome == Committed {
		n.adoptDefinition(metaKey(l.name), r.State)
	}
	if r.Outcome == Committed && n.defs[l.name] == nil && len(l.next) > 0 {
		n.beginLookup(&lookup{name: l.name, waiting: l.next})
		l.next = nil
	}
	for _, w := range append(l.waiting, l.next...) {
		switch {
		case n.defs[l.name] != nil:
			n.handleRequest(w.client, w.request)
		case r.Outcome == Committed:
			n.giveUp(n.operation(w.client, w.request), UnknownDefinition)
		default:
			n.giveUp(n.operation(w.client, w.request), Timeout)
		}
	}
}

// fetchDefinition begins a lookup for a machine that a peer has sent a message
// about.
func (n *Node) fetchDefinition(key string) {
	name, _, err := fsm.SplitKey(key)
	known := err != nil || n.defs[name] != nil || n.lookupIndex(name) >= 0
	if !known && len(n.lookups) < maxLookups {
		n.beginLookup(&lookup{name: name})
	}
}

// adoptDefinition logs a chosen definition and uses it from now on.
func (n *Node) adoptDefinition(key, text string) {
	if text == fsm.Undefined || n.machines[localPrefix+key] != nil {
		return
	}
	d, err := fsm.Parse(text)
	if err != nil || metaKey(d.Name) != key || n.defs[d.Name] != nil {
		n.counts.Discarded++
		return
	}
	m := n.createMachine(localPrefix+key, n.defs[fsm.MetaName])
	m.accepted = Ballot{Round: 1, Boot: n.boot, Epoch: firstEpoch, Node: n.cfg.ID}
	m.promised = m.accepted
	m.value = initial(m.def).withEntry(Entry{ID: lookupID, To: text}, 1)
	n.persist(m, true)
	n.defs[d.Name] = &d
}

// localPrefix begins the key of a chosen definition in the node's own log. No
// machine's key begins with it.
const localPrefix = "#"

func isLocalKey(key string) bool { return strings.HasPrefix(key, localPrefix) }

// ensureLogged finds or creates the machine of a log record. Its definition may
// come later in the log: resolveDefinitions sets it then.
func (n *Node) ensureLogged(key string) *machine {
	if m := n.machines[key]; m != nil {
		return m
	}
	key = strings.Clone(key) // the key is part of the record's buffer
	if isLocalKey(key) {
		return n.createMachine(key, n.defs[fsm.MetaName])
	}
	return n.createMachine(key, n.findDefinition(key))
}

// resolveDefinitions sets the definition of every recovered machine, and checks
// its value.
func (n *Node) resolveDefinitions() error {
	for _, m := range n.byIndex {
		if !isLocalKey(m.key) || isNoteKey(m.key) {
			continue
		}
		d, err := fsm.Parse(m.value.State)
		if err != nil {
			return errRecord("machine %q: %w", m.key, err)
		}
		if known := n.defs[d.Name]; known != nil { // configured since it was created
			if text, _ := known.Text(); text != m.value.State {
				return errRecord("definition %q: it is configured otherwise than it was created: take it out of the configuration", d.Name)
			}
			continue
		}
		n.defs[d.Name] = &d
	}
	for _, m := range n.byIndex {
		if isNoteKey(m.key) {
			continue
		}
		if m.def = cmp.Or(m.def, n.findDefinition(m.key)); m.def == nil {
			return errRecord("machine %q: its definition is not configured; add it", m.key)
		}
		if m.value == nil {
			continue
		}
		if err := m.value.check(m.def); err != nil {
			return errRecord("machine %q: %w", m.key, err)
		}
	}
	return nil
}

// Definitions lists all definitions that this node knows, sorted by name.
func (n *Node) Definitions() []fsm.Definition {
	list := slices.Clone(n.cfg.Definitions)
	for _, m := range n.byIndex {
		if m == nil || !isLocalKey(m.key) || isNoteKey(m.key) {
			continue
		}
		d := n.defs[strings.TrimPrefix(m.key, localPrefix+fsm.MetaName+"/")]
		if !slices.ContainsFunc(n.cfg.Definitions, func(c fsm.Definition) bool { return c.Name == d.Name }) {
			list = append(list, *d)
		}
	}
	slices.SortFunc(list, func(a, b fsm.Definition) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
