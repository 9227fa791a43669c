package access

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
