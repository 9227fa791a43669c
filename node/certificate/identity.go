package certificate

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/op"
)

// Errors about the owner of a certificate. Each names the remedy.
var (
	// ErrIdentity means that a certificate names no owner, or more than one.
	ErrIdentity = errors.New("the certificate has no valid name: want one URI as in lockstep://CLUSTER/node/3 or lockstep://CLUSTER/client/NAME among its alternative names, as lockstep certs makes it")
	// ErrCluster means that a certificate is of another cluster.
	ErrCluster = errors.New("the certificate is of another cluster: issue one for this cluster, or correct --cluster")
	// ErrNotNode means that a certificate that is not a node's is shown between nodes.
	ErrNotNode = errors.New("the certificate is not that of a node: only nodes may use this port")
	// ErrNotClient means that a certificate that is not a client's is shown by a client.
	ErrNotClient = errors.New("the certificate is not that of a client: issue one with lockstep certs client")
	// ErrNumber means that a certificate is of another member than the one at hand.
	ErrNumber = errors.New("the certificate is that of another node: give each node the certificate with its own number")
)

// Kind tells owners of certificates apart.
type Kind uint8

// The kinds.
const (
	Node      Kind = iota + 1 // a member
	Client                    // a client
	Authority                 // signs certificates
)

// Identity is the owner of a certificate.
type Identity struct {
	Kind    Kind
	Cluster string
	Node    op.NodeID   // of a node
	Name    string      // of a client
	Role    access.Role // of a client
}

const scheme = "lockstep"

// validName is the form of the names of clusters and clients in certificates: in a URI
// they mean themselves.
var validName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// CheckName returns an error for a name that a certificate cannot have. Kind is the noun
// for the error, as in "cluster".
func CheckName(kind, name string) error {
	if !validName.MatchString(name) || strings.Contains(name, "..") {
		return fmt.Errorf("%s %.64q: a name in a certificate has 1 to 63 letters, digits or . _ -, and a letter or digit first and last", kind, name)
	}
	return nil
}

// String returns the URI of the identity.
func (i Identity) String() string {
	switch i.Kind {
	case Node:
		return fmt.Sprintf("%s://%s/node/%d", scheme, i.Cluster, i.Node)
	case Client:
		return fmt.Sprintf("%s://%s/client/%s", scheme, i.Cluster, i.Name)
	case Authority:
		return fmt.Sprintf("%s://%s/authority", scheme, i.Cluster)
	}
	return scheme + "://"
}

// Of returns the owner of a certificate. Its error wraps ErrIdentity, or access.ErrRole.
func Of(c *x509.Certificate) (Identity, error) {
	var found []*url.URL
	for _, u := range c.URIs {
		if u.Scheme == scheme {
			found = append(found, u)
		}
	}
	if len(found) != 1 {
		return Identity{}, fmt.Errorf("%w; it has %d", ErrIdentity, len(found))
	}
	id, ok := parse(found[0])
	if !ok {
		return Identity{}, fmt.Errorf("%w; it has %.200q", ErrIdentity, found[0].String())
	}
	if id.Kind == Client {
		var err error
		if id.Role, err = roleOf(c.Subject.OrganizationalUnit); err != nil {
			return Identity{}, err
		}
	}
	return id, nil
}

// parse reads the URI of an identity. There is one spelling of each.
func parse(u *url.URL) (Identity, bool) {
	id := Identity{Cluster: u.Host}
	kind, rest, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	switch kind {
	case "node":
		number, err := strconv.ParseUint(rest, 10, 16)
		if err != nil || number == 0 {
			return Identity{}, false
		}
		id.Kind, id.Node = Node, op.NodeID(number)
	case "client":
		id.Kind, id.Name = Client, rest
		if CheckName("client", rest) != nil {
			return Identity{}, false
		}
	case "authority":
		id.Kind = Authority
	}
	return id, CheckName("cluster", id.Cluster) == nil && id.String() == u.String()
}

// CheckMember returns an error unless the identity is that of a member of a cluster. If
// wanted is not 0, it has to be that member.
func (i Identity) CheckMember(cluster string, wanted op.NodeID) error {
	switch {
	case i.Kind != Node:
		return fmt.Errorf("%v: %w", i, ErrNotNode)
	case i.Cluster != cluster:
		return fmt.Errorf("%v, want cluster %q: %w", i, cluster, ErrCluster)
	case wanted != 0 && i.Node != wanted:
		return fmt.Errorf("%v, want node %d: %w", i, wanted, ErrNumber)
	}
	return nil
}

// CheckClient returns an error unless the identity is that of a client of a cluster.
func (i Identity) CheckClient(cluster string) error {
	switch {
	case i.Kind != Client:
		return fmt.Errorf("%v: %w", i, ErrNotClient)
	case i.Cluster != cluster:
		return fmt.Errorf("%v, want cluster %q: %w", i, cluster, ErrCluster)
	}
	return nil
}
