// Package configuration is the configuration of a cluster as a value: its members in one
// epoch, and the changes that lead from one epoch to the next (rule 12 of
// docs/PROTOCOL.md). It decides which configuration may follow which, and which one
// follows by itself. It knows neither messages nor logs.
//
//   - configuration.go: the value, its text, and its validity;
//   - follows.go: which configuration may follow which;
//   - change.go: the changes that an operator asks for;
//   - progress.go: the steps that a cluster takes by itself;
//   - role.go: the part of a member in an epoch.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package configuration

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/op"
)

// ErrInvalid is wrapped by all errors about a configuration.
var ErrInvalid = errors.New("invalid configuration")

// Limits of a configuration.
const (
	MaxVoters  = 7
	MaxMembers = MaxVoters + 1 // with the learners; in a joint epoch the coming voter is one more
	MaxAddress = 255           // bytes of an address
	MaxText    = 8 << 10       // bytes of a text
	MaxID      = 1<<10 - 1     // of a member: the ids above are of clients
)

// Founded is the text of the configuration of a cluster with the members that formed
// it. Its epoch is First, and the cluster's record has its members.
const (
	Founded = "(founded)"
	First   = 1
)

// Configuration is the configuration of a cluster in one epoch. It is immutable.
//
// In a stable epoch a majority of the voters decides. In a joint epoch, between two stable
// ones, majorities of Voters and of Next do. Other members are learners: they are sent
// everything, and decide nothing.
type Configuration struct {
	Epoch   uint32      `json:"epoch"`
	Voters  []op.NodeID `json:"voters"`         // ascending
	Next    []op.NodeID `json:"next,omitempty"` // ascending; the voters to be, in a joint epoch
	LastID  op.NodeID   `json:"last_id"`        // the highest id that was ever a member's: none is used again
	Members []Member    `json:"members"`        // by id, with the learners
}

// Member is a member of a configuration.
type Member struct {
	ID          op.NodeID   `json:"id"`
	Incarnation Incarnation `json:"incarnation,omitzero"` // of its log; zero: invited, not met yet
	Address     string      `json:"address,omitempty"`    // host:port at which its peers reach it; empty: as they were told

	// The newest life of its log that was known when the configuration was proposed, and up
	// to which position of the log, in bytes, that life was known to be durable. A member
	// that adopts the configuration remembers them (rule 11).
	Boot     uint64 `json:"boot,omitzero"`
	Life     uint64 `json:"life,omitzero"`
	Position uint64 `json:"position,omitzero"`

	// The wish for a learner: to become a voter once it has caught up, in the place of
	// another one if Replaces is not 0.
	Promote  bool      `json:"promote,omitzero"`
	Replaces op.NodeID `json:"replaces,omitzero"`
}

// Incarnation is the random id of a log.
type Incarnation [16]byte

// MarshalText returns the digits, in hexadecimal.
func (i Incarnation) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, i[:]), nil }

// UnmarshalText parses the digits.
func (i *Incarnation) UnmarshalText(text []byte) error {
	if len(text) != 2*len(i) {
		return fmt.Errorf("%w: incarnation of %d digits: want %d", ErrInvalid, len(text), 2*len(i))
	}
	_, err := hex.Decode(i[:], text)
	return err
}

// Joint reports whether the epoch is joint.
func (c *Configuration) Joint() bool { return c.Next != nil }

// Index is the place of a member in c.Members, or -1.
func (c *Configuration) Index(id op.NodeID) int {
	return slices.IndexFunc(c.Members, func(m Member) bool { return m.ID == id })
}

// Has reports whether id is a member's, learners included.
func (c *Configuration) Has(id op.NodeID) bool { return c.Index(id) >= 0 }

// Votes reports whether a member has a vote, in a joint epoch among the present voters or
// the next ones.
func (c *Configuration) Votes(id op.NodeID) bool {
	return slices.Contains(c.Voters, id) || slices.Contains(c.Next, id)
}

// IDs are the ids of all members, ascending.
func (c *Configuration) IDs() []op.NodeID {
	ids := make([]op.NodeID, len(c.Members))
	for i := range c.Members {
		ids[i] = c.Members[i].ID
	}
	return ids
}

// Text is the canonical text of c: JSON without spaces, the fields in the order of the
// types.
func (c *Configuration) Text() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		panic("configuration: a value has no text: " + err.Error()) // of numbers and strings alone
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Parse parses a canonical text, and checks the configuration.
func Parse(text string) (*Configuration, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("%w: text of %d bytes: want at most %d", ErrInvalid, len(text), MaxText)
	}
	var c Configuration
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Text() != text {
		return nil, fmt.Errorf("%w: the text is not in canonical form", ErrInvalid)
	}
	return &c, nil
}

// Validate returns an error about the first defect of c.
func (c *Configuration) Validate() error {
	if c.Epoch <= First {
		return c.errorf("the first change leads to epoch %d", First+1)
	}
	if len(c.Members) < 1 || len(c.Members) > MaxMembers {
		return c.errorf("%d members: want 1 to %d", len(c.Members), MaxMembers)
	}
	last := op.NodeID(0)
	for i := range c.Members {
		m := &c.Members[i]
		if m.ID <= last || m.ID > c.LastID || m.ID > MaxID {
			return c.errorf("member %d: want ids in order, from 1 to the last one, %d, and at most %d", m.ID, c.LastID, MaxID)
		}
		if err := c.checkMember(m); err != nil {
			return err
		}
		last = m.ID
	}
	if err := c.checkVoters(c.Voters); err != nil {
		return err
	}
	if c.Next == nil {
		return nil
	}
	if slices.Equal(c.Voters, c.Next) {
		return c.errorf("the next voters are the present ones")
	}
	return c.checkVoters(c.Next)
}

func (c *Configuration) checkMember(m *Member) error {
	switch {
	case len(m.Address) > MaxAddress:
		return c.errorf("member %d: address of %d bytes: want at most %d", m.ID, len(m.Address), MaxAddress)
	case c.Votes(m.ID) && m.Incarnation == Incarnation{}:
		return c.errorf("member %d: a voter whose log is not known", m.ID)
	case slices.Contains(c.Voters, m.ID) && (m.Promote || m.Replaces != 0):
		return c.errorf("member %d: a voter that is to be promoted", m.ID)
	case m.Replaces != 0 && (!m.Promote || !slices.Contains(c.Voters, m.Replaces)):
		return c.errorf("member %d: to be promoted in the place of %d, which has no vote", m.ID, m.Replaces)
	case m.Incarnation == Incarnation{} && m.Boot != 0, m.Boot == 0 && (m.Life != 0 || m.Position != 0):
		return c.errorf("member %d: a life of a log that is not known", m.ID)
	}
	return nil
}

func (c *Configuration) checkVoters(voters []op.NodeID) error {
	if len(voters) < 1 || len(voters) > MaxVoters {
		return c.errorf("%d voters: want 1 to %d", len(voters), MaxVoters)
	}
	for i, id := range voters {
		if i > 0 && id <= voters[i-1] || !c.Has(id) {
			return c.errorf("voters %d: want ids of members, in order", voters)
		}
	}
	return nil
}

func (c *Configuration) errorf(format string, args ...any) error {
	return fmt.Errorf("%w: epoch %d: %w", ErrInvalid, c.Epoch, fmt.Errorf(format, args...))
}

// clone returns a copy of c in the next epoch.
func (c *Configuration) clone() *Configuration {
	d := *c
	d.Epoch++
	d.Voters, d.Next, d.Members = slices.Clone(c.Voters), slices.Clone(c.Next), slices.Clone(c.Members)
	return &d
}

// String formats c for people, as in "epoch 3: voters 1 2 3, next 2 3 4, learner 5".
func (c *Configuration) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "epoch %d: voters%s", c.Epoch, spaced(c.Voters))
	if c.Joint() {
		fmt.Fprintf(&b, ", next%s", spaced(c.Next))
	}
	for i := range c.Members {
		if m := &c.Members[i]; !c.Votes(m.ID) {
			fmt.Fprintf(&b, ", %s %d", c.Role(m.ID), m.ID)
		}
	}
	return b.String()
}

func spaced(ids []op.NodeID) (s string) {
	for _, id := range ids {
		s += fmt.Sprintf(" %d", id)
	}
	return s
}
