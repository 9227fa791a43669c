// Package tlstest has parts of tests: authorities, and the files of certificates.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package tlstest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/certificate"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/tlsfiles"
)

// Authority signs certificates of one cluster, in files of a directory of the test.
type Authority struct {
	t           testing.TB
	dir         string
	issuer      certificate.Issuer
	Certificate []byte   // PEM
	Authorities string   // the file of Certificate
	Hosts       []string // names and addresses in the certificates of members
}

// New makes an authority.
func New(t testing.TB, cluster string) *Authority {
	t.Helper()
	pair, err := certificate.NewAuthority(cluster, Valid(2*time.Hour))
	require.NoError(t, err)
	issuer, err := certificate.NewIssuer(pair)
	require.NoError(t, err)
	a := &Authority{t: t, dir: t.TempDir(), issuer: issuer, Certificate: pair.Certificate, Hosts: []string{"localhost", "127.0.0.1"}}
	a.Authorities = filepath.Join(a.dir, "ca.crt")
	Write(t, a.Authorities, pair.Certificate)
	return a
}

// Valid returns a validity that begins now.
func Valid(d time.Duration) certificate.Validity { return certificate.ValidFor(time.Now(), d) }

// Expired returns a validity that is over.
func Expired() certificate.Validity {
	return certificate.Validity{From: time.Now().Add(-2 * time.Hour), To: time.Now().Add(-time.Hour)}
}

// Node makes files of a member, which listens on loopback.
func (a *Authority) Node(id op.NodeID) tlsfiles.Paths {
	a.t.Helper()
	return a.Save(a.NodePair(id, Valid(time.Hour)))
}

// NodePair makes a certificate of a member.
func (a *Authority) NodePair(id op.NodeID, v certificate.Validity) certificate.Pair {
	a.t.Helper()
	pair, err := a.issuer.IssueNode(id, a.Hosts, v)
	require.NoError(a.t, err)
	return pair
}

// Client makes files of a client.
func (a *Authority) Client(name string, role access.Role) tlsfiles.Paths {
	a.t.Helper()
	return a.Save(a.ClientPair(name, role, Valid(time.Hour)))
}

// ClientPair makes a certificate of a client.
func (a *Authority) ClientPair(name string, role access.Role, v certificate.Validity) certificate.Pair {
	a.t.Helper()
	pair, err := a.issuer.IssueClient(name, role, v)
	require.NoError(a.t, err)
	return pair
}

// Save writes a certificate to new files, with the authority's beside it.
func (a *Authority) Save(pair certificate.Pair) tlsfiles.Paths {
	a.t.Helper()
	dir, err := os.MkdirTemp(a.dir, "")
	require.NoError(a.t, err)
	p := tlsfiles.Paths{Authorities: filepath.Join(dir, "ca.crt"), Certificate: filepath.Join(dir, "own.crt"), Key: filepath.Join(dir, "own.key")}
	Write(a.t, p.Authorities, a.Certificate)
	Write(a.t, p.Certificate, pair.Certificate)
	Write(a.t, p.Key, pair.Key)
	return p
}

// Write writes a file in one step, so that a reader finds all of it or the earlier one.
func Write(t testing.TB, path string, content []byte) {
	t.Helper()
	next := fmt.Sprintf("%s.next", path)
	require.NoError(t, os.WriteFile(next, content, 0o600))
	require.NoError(t, os.Rename(next, path))
}
