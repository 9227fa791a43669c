package netmodel

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// Network is the state of all links between a fixed set of processes.
//
// Its methods panic if a link names a process that New was not told of, or if a
// profile or an override is not valid: plans are validated before they run.
// A link from a process to itself has no faults: cuts, profiles and overrides
// pass it by.
type Network struct {
	seed      keyed.Key
	index     [MaxID + 1]uint8 // 1 + a process's index into links, 0 if it is unknown
	size      int              // processes
	links     []link           // size × size, by sender, then receiver
	seen      counter
	overrides map[address]Override // looked up, never ranged over
}

// link is the state of one direction between two processes.
type link struct {
	profile     *Profile // shared between links, never changed
	lastArrival Duration // the latest arrival of a message that keeps the order
	connection  uint32   // how often it was reset
	cuts        int32    // how many cuts of it hold
	clogs       int32    // how many clogs of it hold
	refusals    int32    // how many refusals of it hold
	overridden  bool     // some message on it has an override
}

// address names one message by what a person can read in a trace.
// The fields leave no gap, so that a lookup hashes it in one piece.
type address struct {
	fateKey    uint64
	occurrence uint32
	link       Link
}

// New is a network of ids, all of whose links are open and have the profile
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

// Cut cuts l. Cuts add up: a link cut twice is open after two Joins.
func (n *Network) Cut(l Link) {
	if s := n.link(l); !l.self() {
		s.cuts++
	}
}

// Uncut undoes one Cut of l. It does nothing if l is open, so that a fault's end
// may stay in a plan whose beginning was taken out.
func (n *Network) Uncut(l Link) {
	if s := n.link(l); s.cuts > 0 {
		s.cuts--
	}
}

// Open reports whether no cut of l holds.
func (n *Network) Open(l Link) bool { return n.link(l).cuts == 0 }

// Refuse has all sends over l fail where they are made: nothing leaves, what is
// under way arrives. Refusals add up, as cuts do.
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

// Clog has l hold what arrives. Clogs add up, as cuts do.
func (n *Network) Clog(l Link) {
	if s := n.link(l); !l.self() {
		s.clogs++
	}
}

// Unclog undoes one Clog of l, and reports whether it was the last: then what
// was held is for the caller to let go, in its order.
func (n *Network) Unclog(l Link) bool {
	s := n.link(l)
	if s.clogs == 0 {
		return false
	}
	s.clogs--
	return s.clogs == 0
}

// Reset ends the connection that l is and makes it anew: what is under way is
// lost, and what is sent from now on waits for none of it.
func (n *Network) Reset(l Link) {
	s := n.link(l)
	s.connection++
	s.lastArrival = 0
}

// Connection is the number of l's present connection. What is sent now arrives
// only if l still has the same then.
func (n *Network) Connection(l Link) uint32 { return n.link(l).connection }

// Arrival is what becomes of a message that was under way.
type Arrival uint8

// Arrivals.
const (
	Arrived     Arrival = iota // it is there
	Clogged                    // the link is clogged
	LostToCut                  // the link is cut
	LostToReset                // its connection has ended
)

// Arrive says what becomes of a message that has come over l to its end, and
// was sent over that connection.
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

// Heal undoes all cuts, clogs and refusals and gives every link the profile p, as
// if all connections were made anew: messages sent from now on wait for none that
// is still under way. The overrides stay.
func (n *Network) Heal(p Profile) {
	n.SetAll(p)
	for i := range n.links {
		s := &n.links[i]
		s.cuts, s.clogs, s.refusals, s.lastArrival = 0, 0, 0, 0
	}
}

// Override sets the verdict on one message: the occurrence-th (from 1) on l with
// this fate key. A later call for the same message replaces it, and a cut
// outdoes it.
func (n *Network) Override(l Link, fate uint64, occurrence uint32, o Override) {
	if err := o.Validate(); err != nil {
		panic("netmodel: override: " + err.Error())
	}
	n.link(l).overridden = true
	n.overrides[address{fate, occurrence, l}] = o
}

// link is the state of l.
func (n *Network) link(l Link) *link {
	if l.From > MaxID || l.To > MaxID || n.index[l.From] == 0 || n.index[l.To] == 0 {
		panic(fmt.Sprintf("netmodel: link %d>%d: unknown process", l.From, l.To))
	}
	return &n.links[int(n.index[l.From]-1)*n.size+int(n.index[l.To]-1)]
}
