package member

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// Config is what a member is told once.
type Config struct {
	Node node.Config // Members are those that it was started with: they must be those of its log

	RememberBytes uint64        // of a peer's log, until its position is written down; 0: DefaultRememberBytes
	RememberDelay time.Duration // the longest until then; 0: DefaultRememberDelay

	// Formed, if it is set, is a cluster that exists already: a log that holds
	// nothing takes it for its own if it is one of its members'. It is for
	// simulated clusters. A real node is never told so: a flag that is left in a
	// unit file would let a wiped node in.
	Formed []Identity

	Notify  func(Notice)      // told what an operator should know; may be nil
	Observe func(Observation) // told what the member does; nil in production
	Marks   *Marks            // counts what it comes by; nil in production
}

// Defaults of a Config.
const (
	DefaultRememberBytes = 16 << 10
	DefaultRememberDelay = time.Second
)

// Errors that end a member. All are wrapped.
var (
	// ErrMembers: the log is of a cluster with other members.
	ErrMembers = errors.New("the members are not those of the log")
	// ErrAmnesia: a majority of the members remembers another past of this log.
	ErrAmnesia = errors.New("this node's log has lost what it promised to others")
)

// formatIDs names members for people.
func formatIDs(ids []node.ID) string {
	s := fmt.Sprint(ids)
	return s[1 : len(s)-1]
}

func sameIDs(a, b []node.ID) bool { return slices.Equal(a, b) }
