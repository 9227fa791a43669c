package access

import "strings"

// Source is how a principal is known.
type Source uint8

// The sources.
const (
	Anonymous   Source = iota // the client has shown nothing
	Token                     // a bearer token of the node's file
	Certificate               // a verified client certificate
)

func (s Source) String() string { return [...]string{"anonymous", "token", "certificate"}[s] }

// Principal is the client of a request, with its role.
type Principal struct {
	Source Source
	Name   string // unique among principals of the source; anonymous: empty
	Role   Role
}

// String returns the principal as people and audit lines name it.
func (p Principal) String() string {
	if p.Source == Anonymous {
		return p.Source.String()
	}
	return p.Source.String() + " " + p.Name
}

// May reports whether the principal may take an action.
func (p Principal) May(a Action) bool { return p.Role.Includes(a.Role()) }

// unitPrefix begins the organizational units of certificates that name a role, as in
// lockstep-writer.
const unitPrefix = "lockstep-"

// memberScheme begins the URIs of members' certificates.
const memberScheme = "lockstep://"

// OfCertificate returns the principal of a verified certificate with a common name,
// organizational units and URIs. A certificate of a member has no role of a client,
// and neither has one that names two different roles, or none.
func OfCertificate(commonName string, units, uris []string) Principal {
	p := Principal{Source: Certificate, Name: commonName}
	for _, uri := range uris {
		if rest, ok := strings.CutPrefix(uri, memberScheme); ok && !isClient(rest) {
			p.Role = Peer
			return p
		}
	}
	for _, unit := range units {
		name, ok := strings.CutPrefix(unit, unitPrefix)
		role, err := ParseRole(name)
		if !ok || err != nil {
			continue
		}
		if p.Role != None && role != p.Role {
			p.Role = None
			return p
		}
		p.Role = role
	}
	return p
}

// isClient reports whether the rest of a URI, CLUSTER/client/NAME, names a client.
func isClient(rest string) bool {
	_, owner, _ := strings.Cut(rest, "/")
	return strings.HasPrefix(owner, "client/")
}

// AnonymousRole returns the role of clients that show nothing. configured is that of the
// configuration, or empty: then they may do all at a node that can know no client by
// name, and nothing at any other.
func AnonymousRole(configured string, namesClients bool) (Role, error) {
	switch {
	case configured != "":
		return ParseRole(configured)
	case namesClients:
		return None, nil
	}
	return Admin, nil
}
