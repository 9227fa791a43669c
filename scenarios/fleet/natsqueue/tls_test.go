package natsqueue_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/tlsfiles/tlstest"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

// A server with certificates and keys takes a machine that has both, and its own process. The
// certificates are made as by lockstep certs.
func TestCertificatesAndKeys(t *testing.T) {
	ca := tlstest.New(t, "fleet")
	own, worker := ca.Node(1), ca.Client("worker", access.Writer)
	public, seed := newKey(t)
	config := filepath.Join(t.TempDir(), "nats.conf")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }
authorization { users = [ { nkey: %s } ] }
`, own.Certificate, own.Key, own.Authorities, public), 0o600))
	o, err := natsqueue.ServerOptions(t.TempDir(), "127.0.0.1:0", config)
	require.NoError(t, err)
	s, err := natsqueue.Start(o, nil)
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	nc, err := s.Connect(natsqueue.Login{})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	require.NoError(t, natsqueue.Setup(t.Context(), nc, 1))

	good := natsqueue.Login{URL: strings.Replace(s.ClientURL(), "nats://", "tls://", 1), NKey: seed, CA: worker.Authorities, Cert: worker.Certificate, CertKey: worker.Key}
	nc, err = natsqueue.Connect(good)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	_, err = natsqueue.Open(t.Context(), nc)
	require.NoError(t, err)

	_, stranger := newKey(t)
	for what, change := range map[string]func(*natsqueue.Login){
		"no key":             func(l *natsqueue.Login) { l.NKey = "" },
		"another key":        func(l *natsqueue.Login) { l.NKey = stranger },
		"no certificate":     func(l *natsqueue.Login) { l.Cert, l.CertKey = "", "" },
		"unknown authority":  func(l *natsqueue.Login) { l.CA = "" },
		"no file of the key": func(l *natsqueue.Login) { l.NKey = "none" },
	} {
		bad := good
		change(&bad)
		_, err = natsqueue.Connect(bad)
		require.Error(t, err, what)
	}
}

// newKey makes a key of a user, as nk -gen user does.
func newKey(t *testing.T) (public, file string) {
	key, err := nkeys.CreateUser()
	require.NoError(t, err)
	seed, err := key.Seed()
	require.NoError(t, err)
	public, err = key.PublicKey()
	require.NoError(t, err)
	file = filepath.Join(t.TempDir(), "seed")
	require.NoError(t, os.WriteFile(file, seed, 0o600))
	return public, file
}
