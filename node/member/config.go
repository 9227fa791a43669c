package member

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// Config is the configuration of a Member.
type Config struct {
	Node node.Config // its Members must be those of the log

	RememberBytes uint64        // growth of a peer's log after which its position is written down; 0: DefaultRememberBytes
	RememberDelay time.Duration // after which it is written in any case; 0: DefaultRememberDelay

	// Level is the format level of this build; 0: it is the latest, and all others have
	// it. A peer's level comes with its messages.
	Level node.Level

	// Formed, if not nil, is an existing cluster. An empty log that is of one of
	// these members joins it. This is for simulated clusters. A real node never
	// gets it: a flag that is left in a unit file would let a wiped node in.
	Formed []Identity

	// Join says that an empty log is to be of a cluster that there is already, once the
	// cluster's members have added it. It never forms one. It says nothing of other logs.
	Join bool

	Notify  func(Notice)      // receives notices for the operator; may be nil
	Observe func(Observation) // receives observations; nil in production
	Marks   *Marks            // counts hits of coverage marks; nil in production
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
	// ErrRestored: the log was restored from a backup, for a cluster that its members form.
	ErrRestored = errors.New("the log was restored from a backup, to form a cluster and not to be added to one")
	// ErrAmnesia: a majority of the members disputes this log.
	ErrAmnesia = errors.New("this node's log has lost promises")
)

// formatIDs formats ids for people.
func formatIDs(ids []node.ID) string {
	s := fmt.Sprint(ids)
	return s[1 : len(s)-1]
}

func sameIDs(a, b []node.ID) bool { return slices.Equal(a, b) }
