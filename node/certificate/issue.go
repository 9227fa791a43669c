package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/op"
)

// ErrIssue is wrapped by the errors of issuing certificates.
var ErrIssue = errors.New("cannot issue the certificate")

// Pair is a certificate and its private key, as PEM: ECDSA on P-256, the key as PKCS #8.
type Pair struct{ Certificate, Key []byte }

// Validity is the time in which a certificate is valid.
type Validity struct{ From, To time.Time }

// backdate is how long before its making a certificate is valid, for clocks that are
// behind.
const backdate = 5 * time.Minute

// ValidFor returns the validity of a certificate that is made now, for a time.
func ValidFor(now time.Time, d time.Duration) Validity {
	return Validity{now.Add(-backdate), now.Add(d)}
}

// NewAuthority makes the authority of a cluster: its certificate signs itself.
func NewAuthority(cluster string, v Validity) (Pair, error) {
	if err := CheckName("cluster", cluster); err != nil {
		return Pair{}, fmt.Errorf("%w: %w", ErrIssue, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("%w: %w", ErrIssue, err)
	}
	id := Identity{Kind: Authority, Cluster: cluster}
	template := id.template("lockstep authority of "+cluster, v)
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return sign(template, template, key, key)
}

// Issuer signs certificates of one cluster.
type Issuer struct {
	certificate *x509.Certificate
	key         crypto.Signer
	cluster     string
}

// NewIssuer returns the issuer of an authority that NewAuthority has made.
func NewIssuer(authority Pair) (Issuer, error) {
	certificate, err := decodeCertificate(authority.Certificate)
	if err != nil {
		return Issuer{}, fmt.Errorf("%w: the authority's certificate: %w", ErrIssue, err)
	}
	id, err := Of(certificate)
	if err != nil || id.Kind != Authority {
		return Issuer{}, fmt.Errorf("%w: %q is not an authority that lockstep certs ca has made", ErrIssue, certificate.Subject.CommonName)
	}
	key, err := decodeKey(authority.Key)
	if err != nil {
		return Issuer{}, fmt.Errorf("%w: the authority's key: %w", ErrIssue, err)
	}
	if public, ok := key.Public().(*ecdsa.PublicKey); !ok || !public.Equal(certificate.PublicKey) {
		return Issuer{}, fmt.Errorf("%w: the authority's key is not that of its certificate", ErrIssue)
	}
	return Issuer{certificate, key, id.Cluster}, nil
}

// Cluster returns the cluster of the authority.
func (s Issuer) Cluster() string { return s.cluster }

// IssueNode makes the certificate of a member. Hosts are the names and IP addresses at
// which clients reach it.
func (s Issuer) IssueNode(id op.NodeID, hosts []string, v Validity) (Pair, error) {
	if id == 0 {
		return Pair{}, fmt.Errorf("%w: node 0: want 1 or more", ErrIssue)
	}
	owner := Identity{Kind: Node, Cluster: s.cluster, Node: id}
	template := owner.template(fmt.Sprintf("node %d of %s", id, s.cluster), v)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} // it dials other nodes
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if u, err := url.Parse("https://" + host); err == nil && host != "" && u.Host == host && u.Port() == "" {
			template.DNSNames = append(template.DNSNames, host)
		} else {
			return Pair{}, fmt.Errorf("%w: host %q: want a name or an IP address, without a port", ErrIssue, host)
		}
	}
	return s.issue(template)
}

// IssueClient makes the certificate of a client with a role.
func (s Issuer) IssueClient(name string, role access.Role, v Validity) (Pair, error) {
	if err := CheckName("client", name); err != nil {
		return Pair{}, fmt.Errorf("%w: %w", ErrIssue, err)
	}
	if _, err := clientRole(role.String()); err != nil {
		return Pair{}, fmt.Errorf("%w: %w", ErrIssue, err)
	}
	owner := Identity{Kind: Client, Cluster: s.cluster, Name: name}
	template := owner.template(name, v)
	template.Subject.OrganizationalUnit = []string{unitOf(role)}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} // and no server's: it cannot pose as a node
	return s.issue(template)
}

// template returns a certificate that is not signed.
func (i Identity) template(name string, v Validity) *x509.Certificate {
	uri, err := url.Parse(i.String())
	if err != nil {
		panic(err) // its names are checked
	}
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name, Organization: []string{"lockstep"}},
		NotBefore: v.From.Truncate(time.Second), NotAfter: v.To.Truncate(time.Second), KeyUsage: x509.KeyUsageDigitalSignature, URIs: []*url.URL{uri},
	}
}

// issue makes a key, and signs a certificate for it.
func (s Issuer) issue(template *x509.Certificate) (Pair, error) {
	if template.NotAfter.After(s.certificate.NotAfter) {
		return Pair{}, fmt.Errorf("%w: it would outlive its authority, which ends at %s: choose a shorter time, or make a new authority",
			ErrIssue, s.certificate.NotAfter.UTC().Format(time.RFC3339))
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("%w: %w", ErrIssue, err)
	}
	return sign(template, s.certificate, key, s.key)
}

// sign signs a certificate for a key with the key of its parent. The library chooses a
// random serial number.
func sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey, signer crypto.Signer) (Pair, error) {
	if !template.NotAfter.After(template.NotBefore.Add(backdate)) {
		return Pair{}, fmt.Errorf("%w: it would end at %s: want a time to come", ErrIssue, template.NotAfter.UTC().Format(time.RFC3339))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return Pair{}, fmt.Errorf("%w: %w", ErrIssue, err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("%w: %w", ErrIssue, err)
	}
	return Pair{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
	}, nil
}

func decodeCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("want PEM with a CERTIFICATE")
	}
	return x509.ParseCertificate(block.Bytes)
}

func decodeKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("want PEM with a PRIVATE KEY")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	}
	return signer, nil
}
