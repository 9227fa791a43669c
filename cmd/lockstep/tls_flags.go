package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"

	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/tlsfiles"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// tlsFlags holds the flags that name the files of TLS, of nodes and of their clients.
type tlsFlags struct{ paths tlsfiles.Paths }

func (a *tlsFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&a.paths.Authorities, "tls-ca", "", "TLS: file with the certificates of the authorities that are trusted, in PEM")
	f.StringVar(&a.paths.Certificate, "tls-cert", "", "TLS: file with the own certificate, in PEM; it is read again when it changes, as the others")
	f.StringVar(&a.paths.Key, "tls-key", "", "TLS: file with the key of --tls-cert, in PEM; not readable for all")
}

// given reports whether a flag was given.
func (a *tlsFlags) given() bool { return a.paths != tlsfiles.Paths{} }

// validate returns an error if some flags were given and others that belong to them are
// missing.
func (a *tlsFlags) validate() error {
	p := a.paths
	switch {
	case a.given() && p.Authorities == "":
		return errors.New("--tls-ca: missing: --tls-cert and --tls-key need the authorities of the other side, too")
	case p.Certificate != "" && p.Key == "":
		return errors.New("--tls-key: missing: name the key of --tls-cert")
	case p.Certificate == "" && p.Key != "":
		return errors.New("--tls-cert: missing: name the certificate of --tls-key")
	}
	return nil
}

// Values of --tls-client-certs.
const (
	certsRequired = "required"
	certsOptional = "optional"
)

// nodeTLSFlags holds the flags of a node's TLS.
type nodeTLSFlags struct {
	tlsFlags
	clientCerts string
	insecure    bool
}

func (a *nodeTLSFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	a.tlsFlags.flags(f)
	f.StringVar(&a.clientCerts, "tls-client-certs", certsRequired, "TLS: required or optional: whether clients without a certificate are served, too")
	f.BoolVar(&a.insecure, "insecure", false, "without TLS, listen on other addresses than loopback, too: whoever reaches them may do anything")
	cli.CompleteFlag(cmd, "tls-client-certs", func() []string { return []string{certsRequired, certsOptional} })
}

// apply puts the flags into the configuration of a node.
func (a *nodeTLSFlags) apply(cfg *server.Config) error {
	if err := a.validate(); err != nil {
		return err
	}
	switch {
	case a.clientCerts != certsRequired && a.clientCerts != certsOptional:
		return fmt.Errorf("--tls-client-certs %q: want required or optional", a.clientCerts)
	case a.given() && a.paths.Certificate == "":
		return errors.New("--tls-cert: missing: a node needs a certificate and its key; see lockstep certs node")
	case a.given() && a.insecure:
		return errors.New("--insecure: leave it out: with --tls-ca a node may listen on any address")
	case !a.given() && a.clientCerts != certsRequired:
		return errors.New("--tls-client-certs: it needs --tls-ca, --tls-cert and --tls-key")
	}
	cfg.Insecure = a.insecure
	if a.given() {
		cfg.TLS = &server.TLS{Paths: a.paths, OptionalClients: a.clientCerts == certsOptional}
	}
	return nil
}

// clientTLS returns the TLS configurations of a client's connections; nil: none. The files
// are read again for each connection.
func (a *tlsFlags) clientTLS(log *slog.Logger) (func() *tls.Config, error) {
	if err := a.validate(); err != nil || !a.given() {
		return nil, err
	}
	files, err := tlsfiles.OpenClient(tlsfiles.Config{Paths: a.paths, Log: log})
	if err != nil {
		return nil, err
	}
	return func() *tls.Config {
		_ = files.Reload() // it logs
		return files.DialNode()
	}, nil
}
