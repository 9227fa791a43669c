package natsqueue

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// ErrListen is wrapped by errors about the address of a server.
var ErrListen = errors.New("want an address by number with a port, as in 127.0.0.1:4222")

// errConfig is wrapped by errors about a configuration that a fleet cannot have.
var errConfig = errors.New("--config")

// ServerOptions returns the options of a server within this process, which keeps its state
// in a directory and syncs each write. Without a configuration in which machines prove
// their identity, only addresses of this host are accepted.
func ServerOptions(dir, listen, config string) (*server.Options, error) {
	at, err := netip.ParseAddrPort(listen)
	if err != nil {
		return nil, fmt.Errorf("--listen %q: %w", listen, ErrListen)
	}
	o := &server.Options{}
	if config != "" {
		if o, err = server.ProcessConfigFile(config); err != nil {
			return nil, fmt.Errorf("%w: %w", errConfig, err)
		}
	}
	if !at.Addr().Unmap().IsLoopback() && !wantsProof(o) {
		return nil, fmt.Errorf("--listen %q: not a loopback address: workers of other machines need passwords or certificates: give a configuration of nats-server that demands them of all, by --config", listen)
	}
	o.Host, o.Port = at.Addr().String(), int(at.Port())
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.JetStream, o.StoreDir, o.SyncAlways = true, dir, true
	o.NoSigs, o.DisableShortFirstPing = true, true
	if o.ServerName == "" {
		o.ServerName = "lockstep-fleet"
	}
	return o, nil
}

// wantsProof reports whether all clients of a server prove their identity.
func wantsProof(o *server.Options) bool {
	users := len(o.Users)+len(o.Nkeys)+len(o.TrustedOperators) > 0 || o.Username != "" || o.Authorization != ""
	certificates := o.TLSConfig != nil && o.TLSConfig.ClientAuth == tls.RequireAndVerifyClientCert
	return certificates || users && o.NoAuthUser == ""
}

// startTimeout is the time that a server has to begin.
const startTimeout = 30 * time.Second

// Server is a server within this process.
type Server struct {
	*server.Server
	own     nkeys.KeyPair // of this process; nil: the server has no users, or users by tokens
	account string        // of the streams; empty: not known
	dir     string        // of the state
}

// Start starts a server. If its configuration has users, this process is one more, with a
// key of its own. Warnings of the server go to the log, unless it is nil. It is to be ended
// with Stop.
func Start(o *server.Options, log *slog.Logger) (*Server, error) {
	own, err := addOwn(o)
	if err != nil {
		return nil, err
	}
	if err := tryAddress(o); err != nil {
		return nil, err
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	if log != nil {
		s.SetLogger(warnings{log}, false, false)
	}
	s.Start()
	started := &Server{s, own, "", o.StoreDir}
	if !s.ReadyForConnections(startTimeout) {
		started.Stop()
		return nil, fmt.Errorf("the server at %s:%d is not ready after %v: see its log", o.Host, o.Port, startTimeout)
	}
	switch {
	case len(o.TrustedOperators) > 0:
	case len(o.Accounts) > 0 && own != nil:
		started.account = accountName
		if account, err := s.LookupAccount(accountName); err != nil || !account.JetStreamEnabled() {
			started.Stop()
			return nil, fmt.Errorf("%w: want jetstream: enabled in account %s, which has the streams", errConfig, accountName)
		}
	default:
		started.account = server.DEFAULT_GLOBAL_ACCOUNT
	}
	return started, nil
}

// tryAddress tells at once why a server cannot listen, for which the server itself tries
// until its time is over.
func tryAddress(o *server.Options) error {
	if o.Port == server.RANDOM_PORT {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(o.Host, strconv.Itoa(o.Port)))
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	return l.Close()
}

// warnings logs the warnings and errors of a server.
type warnings struct{ log *slog.Logger }

func (w warnings) tell(level slog.Level, format string, v []any) {
	w.log.Log(context.Background(), level, "the server of the queue: "+fmt.Sprintf(format, v...))
}

func (w warnings) Warnf(format string, v ...any)  { w.tell(slog.LevelWarn, format, v) }
func (w warnings) Errorf(format string, v ...any) { w.tell(slog.LevelError, format, v) }
func (w warnings) Fatalf(format string, v ...any) { w.tell(slog.LevelError, format, v) }
func (w warnings) Noticef(string, ...any)         {}
func (w warnings) Debugf(string, ...any)          {}
func (w warnings) Tracef(string, ...any)          {}

// errStore is wrapped by the error about a store that cannot be written.
var errStore = errors.New("the store of the queue has failed")

// Check returns an error if the server cannot write its store any more, as on a full disk.
// It does not try again by itself: the process is to end.
func (s *Server) Check() error {
	h := s.Healthz(&server.HealthzOptions{Account: s.account})
	if h.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("%w: %s: make room in %s, and start it again", errStore, h.Error, s.dir)
}

// addOwn adds a user with all rights to a configuration that has users, in the account of
// the streams.
func addOwn(o *server.Options) (nkeys.KeyPair, error) {
	if o.Username != "" || o.Authorization != "" {
		return nil, fmt.Errorf("%w: one user or token for all: want accounts with users, as in docs/FLEET.md", errConfig)
	}
	if len(o.Users)+len(o.Nkeys) == 0 {
		return nil, nil
	}
	account, err := streamsAccount(o)
	if err != nil {
		return nil, err
	}
	own, err := nkeys.CreateUser()
	if err != nil {
		return nil, err
	}
	public, err := own.PublicKey()
	if err != nil {
		return nil, err
	}
	o.Nkeys = append(o.Nkeys, &server.NkeyUser{Nkey: public, Account: account})
	return own, nil
}

// accountName is the name of the account that has the streams, if there are several.
const accountName = "FLEET"

// streamsAccount returns the account of the streams; nil is that of a server without
// accounts. Its users may do all: permissions do not bound the subjects at which a server
// answers, and so one that may ask for its own message can send it anywhere.
func streamsAccount(o *server.Options) (account *server.Account, err error) {
	i := slices.IndexFunc(o.Accounts, func(a *server.Account) bool { return a.Name == accountName })
	switch {
	case i >= 0:
		account = o.Accounts[i]
	case len(o.Accounts) > 0:
		return nil, fmt.Errorf("%w: it has accounts, and none has the name %s: want the streams in that one, as in docs/FLEET.md", errConfig, accountName)
	}
	restricted := func(name string, in *server.Account, p *server.Permissions) {
		if in == account && p != nil && p.Publish != nil {
			err = fmt.Errorf("%w: user %s has permissions in the account of the streams, which cannot bound it: give it an account of its own, as in docs/FLEET.md", errConfig, name)
		}
	}
	for _, u := range o.Users {
		restricted(u.Username, u.Account, u.Permissions)
	}
	for _, u := range o.Nkeys {
		restricted(u.Nkey, u.Account, u.Permissions)
	}
	return account, err
}

// Stop ends the server.
func (s *Server) Stop() {
	s.Shutdown()
	s.WaitForShutdown()
}

// Connect connects this process to its server, without a network. The credentials are
// needed only by a server whose users have tokens.
func (s *Server) Connect(l Login) (*nats.Conn, error) {
	options := []nats.Option{nats.Name(l.Name), nats.InProcessServer(s)}
	if l.Creds != "" {
		options = append(options, nats.UserCredentials(l.Creds))
	}
	if s.own != nil {
		public, err := s.own.PublicKey()
		if err != nil {
			return nil, err
		}
		options = append(options, nats.Nkey(public, s.own.Sign))
	}
	return nats.Connect("", options...)
}

// Messages returns the number of messages that the server has got and sent since it began.
func (s *Server) Messages() (in, out int64) {
	v, err := s.Varz(nil)
	if err != nil {
		return 0, 0 // it has no options that could be wrong
	}
	return v.InMsgs, v.OutMsgs
}
