package certificate_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/certificate"
	"github.com/lockstep-dst/lockstep/node/op"
)

// named returns a certificate with URIs as its only names.
func named(t *testing.T, units []string, uris ...string) *x509.Certificate {
	c := &x509.Certificate{Subject: pkix.Name{OrganizationalUnit: units}}
	for _, text := range uris {
		u, err := url.Parse(text)
		require.NoError(t, err)
		c.URIs = append(c.URIs, u)
	}
	return c
}

func TestOwnerOfACertificate(t *testing.T) {
	node := func(cluster string, id op.NodeID) certificate.Identity {
		return certificate.Identity{Kind: certificate.Node, Cluster: cluster, Node: id}
	}
	client := func(name string, role access.Role) certificate.Identity {
		return certificate.Identity{Kind: certificate.Client, Cluster: "c", Name: name, Role: role}
	}
	for _, c := range []struct {
		name  string
		uris  []string
		units []string
		want  certificate.Identity
		err   error
	}{
		{"node", []string{"lockstep://c/node/3"}, nil, node("c", 3), nil},
		{"largest number", []string{"lockstep://prod.eu-1_a/node/65535"}, nil, node("prod.eu-1_a", 65535), nil},
		{"names of others are passed over", []string{"spiffe://x/y", "lockstep://c/node/3"}, []string{"sales"}, node("c", 3), nil},
		{"the case of a cluster counts", []string{"lockstep://Prod/node/1"}, nil, node("Prod", 1), nil},
		{"client", []string{"lockstep://c/client/alice"}, []string{"lockstep-writer"}, client("alice", access.Writer), nil},
		{"client without a role", []string{"lockstep://c/client/alice"}, nil, client("alice", access.None), nil},
		{"client with units of others", []string{"lockstep://c/client/a"}, []string{"sales", "lockstep-reader", "x"}, client("a", access.Reader), nil},
		{"authority", []string{"lockstep://c/authority"}, nil, certificate.Identity{Kind: certificate.Authority, Cluster: "c"}, nil},

		{"no name", nil, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"other names only", []string{"https://c/node/3"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"two names", []string{"lockstep://c/node/3", "lockstep://c/node/4"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"node and client", []string{"lockstep://c/node/3", "lockstep://c/client/a"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"node 0", []string{"lockstep://c/node/0"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"number with a zero before", []string{"lockstep://c/node/03"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"number with a sign", []string{"lockstep://c/node/+3"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"number too large", []string{"lockstep://c/node/65536"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"more of a path", []string{"lockstep://c/node/3/4"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"a slash at the end", []string{"lockstep://c/node/3/"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"two slashes", []string{"lockstep://c//node/3"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"another kind", []string{"lockstep://c/god/1"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"no cluster", []string{"lockstep:///node/3"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"a port", []string{"lockstep://c:1/node/3"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"a user", []string{"lockstep://u@c/node/3"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"a query", []string{"lockstep://c/node/3?x=1"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"a fragment", []string{"lockstep://c/node/3#x"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"an escape", []string{"lockstep://c/node/%33"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"a client's name with an escape", []string{"lockstep://c/client/a%20b"}, nil, certificate.Identity{}, certificate.ErrIdentity},
		{"an unknown role", []string{"lockstep://c/client/a"}, []string{"lockstep-root"}, certificate.Identity{}, access.ErrRole},
		{"two roles", []string{"lockstep://c/client/a"}, []string{"lockstep-reader", "lockstep-admin"}, certificate.Identity{}, access.ErrRole},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := certificate.Of(named(t, c.units, c.uris...))
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				require.Zero(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

// The decisions: which certificate opens which port.
func TestPortsOfAnOwner(t *testing.T) {
	node := certificate.Identity{Kind: certificate.Node, Cluster: "c", Node: 3}
	client := certificate.Identity{Kind: certificate.Client, Cluster: "c", Name: "a", Role: access.Admin}
	authority := certificate.Identity{Kind: certificate.Authority, Cluster: "c"}
	for _, c := range []struct {
		owner           certificate.Identity
		cluster         string
		wanted          op.NodeID
		member, clients error
	}{
		{node, "c", 0, nil, certificate.ErrNotClient},
		{node, "c", 3, nil, certificate.ErrNotClient},
		{node, "c", 4, certificate.ErrNumber, certificate.ErrNotClient},
		{node, "C", 3, certificate.ErrCluster, certificate.ErrNotClient},
		{node, "", 3, certificate.ErrCluster, certificate.ErrNotClient},
		{client, "c", 0, certificate.ErrNotNode, nil},
		{client, "d", 0, certificate.ErrNotNode, certificate.ErrCluster},
		{authority, "c", 0, certificate.ErrNotNode, certificate.ErrNotClient},
		{certificate.Identity{}, "", 0, certificate.ErrNotNode, certificate.ErrNotClient},
	} {
		require.ErrorIs(t, c.owner.CheckMember(c.cluster, c.wanted), c.member, "%v as member %d of %s", c.owner, c.wanted, c.cluster)
		require.ErrorIs(t, c.owner.CheckClient(c.cluster), c.clients, "%v as a client of %s", c.owner, c.cluster)
	}
}

func parse(t *testing.T, p certificate.Pair) *x509.Certificate {
	block, rest := pem.Decode(p.Certificate)
	require.Empty(t, rest)
	c, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return c
}

// An authority vouches for the certificates that it issues, each for its own use.
func TestIssuedCertificates(t *testing.T) {
	v := certificate.ValidFor(time.Now(), time.Hour)
	authority, err := certificate.NewAuthority("prod", v)
	require.NoError(t, err)
	issuer, err := certificate.NewIssuer(authority)
	require.NoError(t, err)
	require.Equal(t, "prod", issuer.Cluster())
	roots := x509.NewCertPool()
	roots.AddCert(parse(t, authority))
	serves := func(c *x509.Certificate, usage x509.ExtKeyUsage) bool {
		_, err := c.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}})
		return err == nil
	}

	pair, err := issuer.IssueNode(7, []string{"db1.example", "10.0.0.1", "::1"}, v)
	require.NoError(t, err)
	node := parse(t, pair)
	owner, err := certificate.Of(node)
	require.NoError(t, err)
	require.Equal(t, certificate.Identity{Kind: certificate.Node, Cluster: "prod", Node: 7}, owner)
	require.True(t, serves(node, x509.ExtKeyUsageServerAuth) && serves(node, x509.ExtKeyUsageClientAuth))
	for _, host := range []string{"db1.example", "10.0.0.1", "::1"} {
		require.NoError(t, node.VerifyHostname(host))
	}
	require.Error(t, node.VerifyHostname("db2.example"))

	pair, err = issuer.IssueClient("alice", access.Writer, v)
	require.NoError(t, err)
	client := parse(t, pair)
	owner, err = certificate.Of(client)
	require.NoError(t, err)
	require.Equal(t, certificate.Identity{Kind: certificate.Client, Cluster: "prod", Name: "alice", Role: access.Writer}, owner)
	require.Equal(t, []string{"lockstep-writer"}, client.Subject.OrganizationalUnit)
	require.True(t, serves(client, x509.ExtKeyUsageClientAuth))
	require.False(t, serves(client, x509.ExtKeyUsageServerAuth), "a client cannot pose as a node")
	require.NotEqual(t, node.SerialNumber, client.SerialNumber)
	require.False(t, node.IsCA || client.IsCA)
}

func TestCertificatesThatAreNotIssued(t *testing.T) {
	now := time.Now()
	v := certificate.ValidFor(now, time.Hour)
	authority, err := certificate.NewAuthority("prod", v)
	require.NoError(t, err)
	issuer, err := certificate.NewIssuer(authority)
	require.NoError(t, err)
	leaf, err := issuer.IssueNode(1, nil, v)
	require.NoError(t, err)
	other, err := certificate.NewAuthority("prod", v)
	require.NoError(t, err)
	for text, issue := range map[string]func() error{
		`cluster "a b": a name in a certificate`: func() error { _, err := certificate.NewAuthority("a b", v); return err },
		"it would end at": func() error {
			_, err := certificate.NewAuthority("c", certificate.ValidFor(now, -time.Second))
			return err
		},
		"node 0: want 1 or more": func() error { _, err := issuer.IssueNode(0, nil, v); return err },
		`host "a:1"`:             func() error { _, err := issuer.IssueNode(1, []string{"a:1"}, v); return err },
		`host ""`:                func() error { _, err := issuer.IssueNode(1, []string{""}, v); return err },
		"it would outlive its authority": func() error {
			_, err := issuer.IssueNode(1, nil, certificate.ValidFor(now, 2*time.Hour))
			return err
		},
		`client "a/b"`:                func() error { _, err := issuer.IssueClient("a/b", access.Admin, v); return err },
		`"none": want reader, writer`: func() error { _, err := issuer.IssueClient("a", access.None, v); return err },
		"is not an authority":         func() error { _, err := certificate.NewIssuer(leaf); return err },
		"not that of its certificate": func() error {
			_, err := certificate.NewIssuer(certificate.Pair{Certificate: authority.Certificate, Key: other.Key})
			return err
		},
		"want PEM with a PRIVATE KEY": func() error {
			_, err := certificate.NewIssuer(certificate.Pair{Certificate: authority.Certificate})
			return err
		},
		"want PEM with a CERTIFICATE": func() error {
			_, err := certificate.NewIssuer(certificate.Pair{Certificate: authority.Key})
			return err
		},
	} {
		err := issue()
		require.ErrorIs(t, err, certificate.ErrIssue, text)
		require.ErrorContains(t, err, text)
	}
}
