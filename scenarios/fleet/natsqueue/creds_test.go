package natsqueue_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

// A server in the operator mode of NATS takes a machine with a file of credentials, as nsc
// writes it, and its own process with one, too. It takes neither one that has expired nor one
// of another operator.
func TestCredentials(t *testing.T) {
	own, other := newOperator(t), newOperator(t)
	o, err := natsqueue.ServerOptions(t.TempDir(), "127.0.0.1:0", own.config())
	require.NoError(t, err)
	s, err := natsqueue.Start(o, nil)
	require.NoError(t, err)
	t.Cleanup(s.Stop)

	_, err = s.Connect(natsqueue.Login{})
	require.Error(t, err, "its own process needs them as well")
	nc, err := s.Connect(natsqueue.Login{Creds: own.creds("serve", time.Hour)})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	require.NoError(t, natsqueue.Setup(t.Context(), nc, 1))

	worker, err := natsqueue.Connect(natsqueue.Login{URL: s.ClientURL(), Creds: own.creds("worker", time.Hour)})
	require.NoError(t, err)
	t.Cleanup(worker.Close)
	q, err := natsqueue.Open(t.Context(), worker)
	require.NoError(t, err)
	c := added(t, q)
	require.NoError(t, q.AddJobs(t.Context(), c, jobs(c, 1)))
	requireLeft(t, fleet.Left{Waiting: 1}, q, c)

	for what, creds := range map[string]string{
		"none": "", "no file": filepath.Join(t.TempDir(), "none"), "expired": own.creds("worker", -time.Hour), "of another operator": other.creds("worker", time.Hour),
	} {
		_, err := natsqueue.Connect(natsqueue.Login{URL: s.ClientURL(), Creds: creds})
		require.Error(t, err, what)
	}
}

// operator is an operator of NATS with one account, which has JetStream.
type operator struct {
	t        *testing.T
	keys     nkeys.KeyPair
	account  nkeys.KeyPair
	token    string // of the operator
	accounts map[string]string
}

func newOperator(t *testing.T) *operator {
	o := &operator{t: t, keys: made(t, nkeys.CreateOperator), account: made(t, nkeys.CreateAccount)}
	system := made(t, nkeys.CreateAccount)
	claims := jwt.NewOperatorClaims(public(t, o.keys))
	claims.SystemAccount = public(t, system)
	o.token = encoded(t, claims, o.keys)
	fleetAccount := jwt.NewAccountClaims(public(t, o.account))
	fleetAccount.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	o.accounts = map[string]string{
		public(t, o.account): encoded(t, fleetAccount, o.keys),
		public(t, system):    encoded(t, jwt.NewAccountClaims(public(t, system)), o.keys),
	}
	return o
}

// config writes the configuration of a server, and returns its file.
func (o *operator) config() string {
	text := fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload: {\n", o.token)
	for name, token := range o.accounts {
		text += fmt.Sprintf("  %s: %s\n", name, token)
	}
	return o.write("nats.conf", []byte(text+"}\n"))
}

// creds writes the credentials of a user, and returns their file.
func (o *operator) creds(name string, valid time.Duration) string {
	user := made(o.t, nkeys.CreateUser)
	claims := jwt.NewUserClaims(public(o.t, user))
	claims.Name, claims.Expires = name, time.Now().Add(valid).Unix()
	seed, err := user.Seed()
	require.NoError(o.t, err)
	text, err := jwt.FormatUserConfig(encoded(o.t, claims, o.account), seed)
	require.NoError(o.t, err)
	return o.write(name+".creds", text)
}

func (o *operator) write(name string, text []byte) string {
	file := filepath.Join(o.t.TempDir(), name)
	require.NoError(o.t, os.WriteFile(file, text, 0o600))
	return file
}

func made(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	k, err := create()
	require.NoError(t, err)
	return k
}

func public(t *testing.T, k nkeys.KeyPair) string {
	name, err := k.PublicKey()
	require.NoError(t, err)
	return name
}

func encoded(t *testing.T, claims jwt.Claims, by nkeys.KeyPair) string {
	token, err := claims.Encode(by)
	require.NoError(t, err)
	return token
}
