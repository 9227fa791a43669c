package netmodel

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// Network is the state of all links between a fixed set of processes. It is not
// safe for concurrent use.
//
// Its methods panic if a link names a process that was not passed to New, or if a
// profile or an override is not valid: plans are validated before they run. A
// link from a process to itself has no faults: cuts, clogs, refusals, profiles
// and overrides do not affect it.
type Network struct {
	seed      keyed.Key
	index     [MaxID + 1]uint8 // 1 + the index of a process in links, 0 if it is unknown
	size      int              // processes
	links     []link           // size × size, by sender, then receiver
	seen      counter
	overrides map[address]Override // looked up, never ranged over
}

// link is the state of one direction between two processes.
type link struct {
	profile     *Profile // shared between links, never changed
	lastArrival Duration // the latest arrival of a message in order
	connection  uint32   // number of resets
	cuts        int32    // cuts in force
	clogs       int32    // clogs in force
	refusals    int32    // refusals in force
	overridden  bool     // some message on it has an override
}

// address identifies one message by parts that a trace shows. The fields leave no
// gap, so that a lookup hashes it in one piece.
type address struct {
	fateKey    uint64
	occurrence uint32
	link       Link
}

// New returns a network of the processes ids with all links open and the profile
// base. It panics if an id is listed twice or not in 1 to MaxID.
func New(seed keyed.Key, ids []ID, base Profile) *Network {
	n := &Network{
		seed:      seed,
		size:      len(ids),
		links:     make([]link, len(ids)*len(ids)),
		overrides: map[address]Override{},
	}
	for i, id := range ids {
		if !id.valid() || n.index[id] != 0 {
			panic(fmt.Sprintf("netmodel: process %d is out of range or listed twice", id))
		}
		n.index[id] = uint8(i + 1)
	}
	n.SetAll(base)
	return n
}

// Reseed has all further choices made from another seed, as if the network had been made
// with it.
func (n *Network) Reseed(seed keyed.Key) { n.seed = seed }

// SetProfile gives l the profile p, for messages sent from now on.
func (n *Network) SetProfile(l Link, p Profile) { n.link(l).profile = checked(p) }

// SetProfiles is SetProfile for several links.
func (n *Network) SetProfiles(links []Link, p Profile) {
	shared := checked(p)
	for _, l := range links {
		n.link(l).profile = shared
	}
}

// SetAll gives every link the profile p, for messages sent from now on.
func (n *Network) SetAll(p Profile) {
	shared := checked(p)
	for i := range n.links {
		n.links[i].profile = shared
	}
}

func checked(p Profile) *Profile {
	if err := p.Validate(); err != nil {
		panic("netmodel: profile: " + err.Error())
	}
	return &p
}

// Cut cuts l. Cuts nest: a link cut twice is open after two Uncuts.
func (n *Network) Cut(l Link) {
	if s := n.link(l); !l.self() {
		s.cuts++
	}
}

// Uncut undoes one Cut of l. It does nothing if l is open, so that the end of a
// fault may stay in a plan without its beginning.
func (n *Network) Uncut(l Link) {
	if s := n.link(l); s.cuts > 0 {
		s.cuts--
	}
}

// Open reports whether l is not cut.
func (n *Network) Open(l Link) bool { return n.link(l).cuts == 0 }

// Refuse has all sends over l fail at the sender: no message leaves. Messages in
// flight arrive. Refusals nest, as cuts do.
func (n *Network) Refuse(l Link) {
	if s := n.link(l); !l.self() {
		s.refusals++
	}
}

// Unrefuse undoes one Refuse of l. It does nothing if there is none.
func (n *Network) Unrefuse(l Link) {
	if s := n.link(l); s.refusals > 0 {
		s.refusals--
	}
}

// Clog has l hold the messages that arrive: Arrive returns Clogged. Clogs nest,
// as cuts do.
func (n *Network) Clog(l Link) {
	if s := n.link(l); !l.self() {
		s.clogs++
	}
}

// Unclog undoes one Clog of l, and reports whether it was the last: then the
// caller releases the held messages, in order.
func (n *Network) Unclog(l Link) bool {
	s := n.link(l)
	if s.clogs == 0 {
		return false
	}
	s.clogs--
	return s.clogs == 0
}

// Reset ends the connection of l and opens a new one: messages in flight are
// lost, and messages sent from now on wait for none of them.
func (n *Network) Reset(l Link) {
	s := n.link(l)
	s.connection++
	s.lastArrival = 0
}

// Connection returns the number of l's present connection. A message sent now
// arrives only if l has the same connection then.
func (n *Network) Connection(l Link) uint32 { return n.link(l).connection }

// Arrival is the result of Arrive for a message that was in flight.
type Arrival uint8

// Arrivals.
const (
	Arrived     Arrival = iota // the receiver gets it
	Clogged                    // the link is clogged and holds it
	LostToCut                  // the link is cut
	LostToReset                // its connection has ended
)

// Arrive decides on a message at the end of l, sent over the given connection. It
// is to be called at the time of arrival.
func (n *Network) Arrive(l Link, connection uint32) Arrival {
	switch s := n.link(l); {
	case s.cuts > 0:
		return LostToCut
	case s.connection != connection:
		return LostToReset
	case s.clogs > 0:
		return Clogged
	}
	return Arrived
}

// Heal undoes all cuts, clogs and refusals and gives every link the profile p. It
// also resets the order of arrival: messages sent from now on wait for none in
// flight, and messages in flight still arrive. The overrides stay.
func (n *Network) Heal(p Profile) {
	n.SetAll(p)
	for i := range n.links {
		s := &n.links[i]
		s.cuts, s.clogs, s.refusals, s.lastArrival = 0, 0, 0, 0
	}
}

// Override sets the verdict on one message: the occurrence-th (from 1) on l with
// this fate key. A later call for the same message replaces it. Cuts and refusals
// take precedence.
func (n *Network) Override(l Link, fate uint64, occurrence uint32, o Override) {
	if err := o.Validate(); err != nil {
		panic("netmodel: override: " + err.Error())
	}
	n.link(l).overridden = true
	n.overrides[address{fate, occurrence, l}] = o
}

// link returns the state of l.
func (n *Network) link(l Link) *link {
	if l.From > MaxID || l.To > MaxID || n.index[l.From] == 0 || n.index[l.To] == 0 {
		panic(fmt.Sprintf("netmodel: link %d>%d: unknown process", l.From, l.To))
	}
	return &n.links[int(n.index[l.From]-1)*n.size+int(n.index[l.To]-1)]
}
