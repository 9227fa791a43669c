package certificate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Role is the set of a client's rights. A role includes the ones before it.
type Role string

// The roles.
const (
	Reader Role = "reader" // reads, lists and watches
	Writer Role = "writer" // requests transitions
	Admin  Role = "admin"  // creates definitions and retires machines
)

// roles lists the roles.
var roles = []Role{Reader, Writer, Admin}

// unitPrefix begins the organizational unit that stands for a role.
const unitPrefix = "lockstep-"

// ErrRole is wrapped by errors about roles.
var ErrRole = errors.New("invalid role")

// ParseRole returns the role of a name.
func ParseRole(name string) (Role, error) {
	if !slices.Contains(roles, Role(name)) {
		return "", fmt.Errorf("%w: %q: want reader, writer or admin", ErrRole, name)
	}
	return Role(name), nil
}

// Unit returns the organizational unit of a certificate that stands for the role, as in
// lockstep-writer.
func (r Role) Unit() string { return unitPrefix + string(r) }

// roleOf returns the role that the organizational units of a certificate stand for;
// empty: none. Units of others are passed over.
func roleOf(units []string) (found Role, err error) {
	for _, unit := range units {
		name, ours := strings.CutPrefix(unit, unitPrefix)
		if !ours {
			continue
		}
		role, err := ParseRole(name)
		switch {
		case err != nil:
			return "", fmt.Errorf("organizational unit %q: %w", unit, err)
		case found != "":
			return "", fmt.Errorf("%w: organizational units %q and %q: want one", ErrRole, found.Unit(), unit)
		}
		found = role
	}
	return found, nil
}
