package node

import (
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// definitions is the definitions that a node knows, and its lookups of others.
//
// Definitions that users create are machines like all others, with the key
// "definition/NAME" (fsm.MetaName). A node uses one once it knows it to be chosen;
// it never changes, since no transition leaves a definition's state. The node
// first writes it to its own log, so that after a restart it can read all that it
// has logged about the machines of that definition.
type definitions struct {
	node    definitionsNode
	cfg     *Config
	counts  *Counters
	known   map[string]*fsm.Definition // by name; with those that are built in
	names   []string                   // of known, sorted, without those that are built in
	lookups map[string]*lookup         // under way, by name
	ofPeers map[ID]int                 // lookups under way that a peer has caused
}

// definitionsNode is what definitions ask of their node, and all that they do to it.
type definitionsNode interface {
	// readDefinition begins to read the machine of a definition, as a client would;
	// finishLookup is called with the reply.
	readDefinition(l *lookup)
	handleRequest(client ID, r *Request)
	refuseRequest(client ID, r *Request, why Reason)

	isPeer(id ID) bool
	isLogged(localKey string) bool
	logDefinition(localKey, text string)
}

// lookup is a read of a definition that this node does not know. A request that
// arrives during the read waits for another one: this one may miss a definition that
// was chosen before the request.
type lookup struct {
	name    string
	cause   ID // the peer, or the client, whose message came first
	waiting []waiter
	next    []waiter // for the next read
}

// waiter is a request that waits for a definition.
type waiter struct {
	client  ID
	request *Request
}

// maxPeerLookups bounds the lookups at a time that the messages of one peer cause: they
// cost the peer nothing, and it sends them again. The lookups of clients have no bound of
// their own. Each has a request that waits, which counts towards the quota of operations in
// flight and costs as much as any read: so the unknown names of one client make those of
// another wait no longer.
const maxPeerLookups = 16

// newDefinitions returns the definitions of a node that has not booted: those that are
// configured.
func newDefinitions(n definitionsNode, cfg *Config, counts *Counters) definitions {
	d := definitions{node: n, cfg: cfg, counts: counts, known: map[string]*fsm.Definition{}, lookups: map[string]*lookup{}, ofPeers: map[ID]int{}}
	for i := range cfg.Definitions {
		d.use(&cfg.Definitions[i])
	}
	meta, membership := fsm.MetaDefinition(), configuration.Definition()
	d.known[meta.Name], d.known[membership.Name] = &meta, &membership
	return d
}

// find returns the definition of a key. It returns nil if it is unknown or the key is
// invalid.
func (d *definitions) find(key string) *fsm.Definition {
	name, _, _ := strings.Cut(key, "/")
	def := d.known[name]
	if def == nil {
		return nil
	}
	if _, _, err := fsm.SplitKey(key); err != nil {
		return nil
	}
	if name == configuration.Name && key != configuration.Key {
		return nil
	}
	return def
}

// await queues a request until the definition of its machine is read.
func (d *definitions) await(name string, w waiter) {
	l := d.lookups[name]
	switch {
	case l != nil && d.waitingFor(name) < d.cfg.Queue:
		l.next = append(l.next, w)
	case l == nil && d.permitsLookup(w.client):
		d.beginLookup(&lookup{name: name, cause: w.client, waiting: []waiter{w}})
	default:
		d.node.refuseRequest(w.client, w.request, Overloaded)
	}
}

// fetch begins a lookup for a machine that a peer has sent a message about.
func (d *definitions) fetch(peer ID, key string) {
	name, _, err := fsm.SplitKey(key)
	known := err != nil || d.known[name] != nil || d.lookups[name] != nil
	if !known && d.permitsLookup(peer) {
		d.beginLookup(&lookup{name: name, cause: peer})
	}
}

// permitsLookup reports whether a peer may cause one more lookup; any client may.
func (d *definitions) permitsLookup(cause ID) bool {
	return !d.node.isPeer(cause) || d.ofPeers[cause] < maxPeerLookups
}

// waitingFor counts the requests that wait for the lookup of a definition.
func (d *definitions) waitingFor(name string) int {
	l := d.lookups[name]
	if l == nil {
		return 0
	}
	return len(l.waiting) + len(l.next)
}

// underWay counts the lookups that have not ended.
func (d *definitions) underWay() int { return len(d.lookups) }

func (d *definitions) beginLookup(l *lookup) {
	d.lookups[l.name] = l
	if d.node.isPeer(l.cause) {
		d.ofPeers[l.cause]++
	}
	d.node.readDefinition(l)
}

// removeLookup forgets a lookup that has ended.
func (d *definitions) removeLookup(l *lookup) {
	delete(d.lookups, l.name)
	if d.ofPeers[l.cause]--; d.ofPeers[l.cause] <= 0 {
		delete(d.ofPeers, l.cause)
	}
}

// finishLookup ends a lookup: its waiting requests go on, or are rejected. If the
// definition is not there, those that arrived during the read begin another one.
func (d *definitions) finishLookup(l *lookup, r Reply) {
	d.removeLookup(l)
	if r.Outcome == Committed {
		d.adopt(metaKey(l.name), r.State)
	}
	if r.Outcome == Committed && d.known[l.name] == nil && len(l.next) > 0 {
		d.beginLookup(&lookup{name: l.name, cause: l.next[0].client, waiting: l.next})
		l.next = nil
	}
	for _, w := range append(l.waiting, l.next...) {
		switch {
		case d.known[l.name] != nil:
			d.node.handleRequest(w.client, w.request)
		case r.Outcome == Committed:
			d.node.refuseRequest(w.client, w.request, UnknownDefinition)
		default:
			d.node.refuseRequest(w.client, w.request, Timeout)
		}
	}
}

// adopt logs a chosen definition, the state of the machine with the key, and uses it from
// now on. One that is configured as well is logged, too: it may leave the configuration.
func (d *definitions) adopt(key, text string) {
	if text == fsm.Undefined || d.node.isLogged(localPrefix+key) {
		return
	}
	def, err := fsm.Parse(text)
	if err != nil || metaKey(def.Name) != key || !d.permits(&def, text) {
		d.counts.Discarded++
		return
	}
	d.node.logDefinition(localPrefix+key, text)
	d.use(&def)
}

// recover takes the definition that a machine of the log holds.
func (d *definitions) recover(localKey, text string) error {
	def, err := fsm.Parse(text)
	if err != nil {
		return errRecord("machine %q: %w", localKey, err)
	}
	if !d.permits(&def, text) {
		return errRecord("definition %q: it is configured otherwise than it was created: take it out of the configuration", def.Name)
	}
	d.use(&def)
	return nil
}

// permits reports whether the configuration has no other definition of that name.
func (d *definitions) permits(def *fsm.Definition, text string) bool {
	known := d.known[def.Name]
	if known == nil {
		return true
	}
	configured, _ := known.Text() // valid: see Config.Validate
	return configured == text
}

// use uses a definition from now on.
func (d *definitions) use(def *fsm.Definition) {
	d.known[def.Name] = def
	if at, found := slices.BinarySearch(d.names, def.Name); !found {
		d.names = slices.Insert(d.names, at, def.Name)
	}
}

// page returns at most so many definitions with names above after, sorted by name. It
// reports whether there are more.
func (d *definitions) page(after string, most int) (page []fsm.Definition, more bool) {
	at, found := slices.BinarySearch(d.names, after)
	if found {
		at++
	}
	names := d.names[at:]
	page = make([]fsm.Definition, 0, min(len(names), most))
	for _, name := range names[:min(len(names), most)] {
		page = append(page, *d.known[name])
	}
	return page, len(names) > most
}

// Definitions lists all definitions that this node knows, sorted by name.
func (n *Node) Definitions() []fsm.Definition {
	all, _ := n.definitions.page("", len(n.definitions.names))
	return all
}

// DefinitionsAfter lists at most so many of the definitions that this node knows, sorted
// by name, from the first name above after on. It reports whether there are more.
func (n *Node) DefinitionsAfter(after string, most int) (page []fsm.Definition, more bool) {
	return n.definitions.page(after, most)
}

func metaKey(name string) string { return fsm.MetaName + "/" + name }

// lookupID is the operation id of a node's own reads. No client has it, since
// a name has no parentheses.
const lookupID OpID = "(lookup)"

// localPrefix begins the key of a chosen definition in the node's own log. No
// machine's key begins with it.
const localPrefix = "#"

func isLocalKey(key string) bool { return strings.HasPrefix(key, localPrefix) }
