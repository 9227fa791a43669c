package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node/certificate"
	"github.com/lockstep-dst/lockstep/node/op"
)

// Names of the protocols above TLS (ALPN): a connection to the wrong port ends in its
// handshake.
const (
	peersProtocol   = "lockstep-peers"
	clientsProtocol = "http/1.1" // not h2, over which a connection cannot become a stream
)

// OpenNode reads the files of a member. It and Reload refuse a certificate that is not
// the member's.
func OpenNode(cfg Config, cluster string, id op.NodeID) (*Files, error) {
	if cfg.Certificate == "" && cfg.Key == "" {
		return nil, fmt.Errorf("%w: certificate: missing: a node needs one, and its key", ErrFiles)
	}
	cfg.Usages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	cfg.Own = func(leaf *x509.Certificate) error {
		owner, err := certificate.Of(leaf)
		if err != nil {
			return err
		}
		return owner.CheckMember(cluster, id)
	}
	return Open(cfg)
}

// OpenClient reads the files of a client.
func OpenClient(cfg Config) (*Files, error) {
	cfg.Usages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return Open(cfg)
}

// base returns the part that all configurations share.
func (m *material) base(protocol string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{protocol}, Certificates: m.certificates(), SessionTicketsDisabled: true,
	}
}

// ServePeer returns the configuration of a connection that a peer has dialled. Only
// members of the cluster get through.
func (f *Files) ServePeer(cluster string) *tls.Config {
	m := f.current.Load()
	c := m.base(peersProtocol)
	c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, m.authorities
	c.VerifyConnection = func(s tls.ConnectionState) error {
		_, err := Member(s, cluster)
		return err
	}
	return c
}

// DialPeer returns the configuration of a connection to a member. Its certificate proves
// its number, wherever it listens: host names in it do not matter. So the library's check,
// which is that of a host name, is replaced.
func (f *Files) DialPeer(cluster string) *tls.Config {
	m := f.current.Load()
	c := m.base(peersProtocol)
	c.InsecureSkipVerify = true // for VerifyConnection, which does more
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if err := m.verify(s, x509.ExtKeyUsageServerAuth); err != nil {
			return err
		}
		_, err := Member(s, cluster)
		return err
	}
	return c
}

// ServeClient returns the configuration of a connection that a client has dialled. If
// optional is set, the client may have no certificate; one that it has must be valid.
func (f *Files) ServeClient(cluster string, optional bool) *tls.Config {
	m := f.current.Load()
	c := m.base(clientsProtocol)
	c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, m.authorities
	if optional {
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 && optional {
			return nil
		}
		owner, err := ownerOf(s)
		if err != nil {
			return err
		}
		return owner.CheckClient(cluster)
	}
	return c
}

// DialNode returns the configuration of a client's connection to a node. The name that it
// dials has to be in the node's certificate: see tls.Config.ServerName.
func (f *Files) DialNode() *tls.Config {
	m := f.current.Load()
	c := m.base(clientsProtocol)
	c.RootCAs = m.authorities
	return c
}

// verify checks that an authority vouches for the other side.
func (m *material) verify(s tls.ConnectionState, usage x509.ExtKeyUsage) error {
	if len(s.PeerCertificates) == 0 {
		return errNoCertificate
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: m.authorities, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

var errNoCertificate = errors.New("the other side has shown no certificate")

// ownerOf returns the owner of the other side's certificate.
func ownerOf(s tls.ConnectionState) (certificate.Identity, error) {
	if len(s.PeerCertificates) == 0 {
		return certificate.Identity{}, errNoCertificate
	}
	return certificate.Of(s.PeerCertificates[0])
}

// Member returns the number of the member at the other side of a connection, of which
// ServePeer or DialPeer is the configuration.
func Member(s tls.ConnectionState, cluster string) (op.NodeID, error) {
	owner, err := ownerOf(s)
	if err != nil {
		return 0, err
	}
	if err := owner.CheckMember(cluster, 0); err != nil {
		return 0, fmt.Errorf("certificate of %q: %w", s.PeerCertificates[0].Subject.CommonName, err)
	}
	return owner.Node, nil
}
