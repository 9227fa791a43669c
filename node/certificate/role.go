package certificate

import (
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/node/access"
)

// unitPrefix begins the organizational unit that stands for a role.
const unitPrefix = "lockstep-"

// unitOf returns the organizational unit of a certificate that stands for a role, as in
// lockstep-writer.
func unitOf(r access.Role) string { return unitPrefix + r.String() }

// roleOf returns the role that the organizational units of a certificate stand for. Units
// of others are passed over.
func roleOf(units []string) (found access.Role, err error) {
	for _, unit := range units {
		name, ours := strings.CutPrefix(unit, unitPrefix)
		if !ours {
			continue
		}
		role, err := clientRole(name)
		switch {
		case err != nil:
			return access.None, fmt.Errorf("organizational unit %q: %w", unit, err)
		case found != access.None:
			return access.None, fmt.Errorf("%w: organizational units %q and %q: want one", access.ErrRole, unitOf(found), unit)
		}
		found = role
	}
	return found, nil
}

// clientRole returns the role of a name that a certificate can have: one with rights.
func clientRole(name string) (access.Role, error) {
	role, err := access.ParseRole(name)
	if err != nil || role == access.None {
		return access.None, fmt.Errorf("%w: %q: want reader, writer or admin", access.ErrRole, name)
	}
	return role, nil
}
