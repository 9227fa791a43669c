package access

import (
	"errors"
	"fmt"
)

// Role is the set of actions that a principal may take.
type Role uint8

// The roles. A role includes the ones before it.
const (
	None   Role = iota
	Reader      // reads, lists and watches
	Writer      // requests transitions
	Admin       // creates definitions, retires machines, and takes backups
)

// ErrRole is wrapped by the error for a name that is no role of a client.
var ErrRole = errors.New("no such role")

var roleNames = [...]string{"none", "reader", "writer", "admin"}

func (r Role) String() string { return roleNames[r] }

// ParseRole returns the role of a client with a name: none, reader, writer or admin.
func ParseRole(name string) (Role, error) {
	for _, r := range []Role{None, Reader, Writer, Admin} {
		if name == r.String() {
			return r, nil
		}
	}
	return None, fmt.Errorf("%w: %q: want none, reader, writer or admin", ErrRole, name)
}

// Includes reports whether r may do all that other may.
func (r Role) Includes(other Role) bool {
	return r >= other
}
