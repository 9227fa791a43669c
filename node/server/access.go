package server

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/certificate"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
)

// Access configures the rights of clients, and the names by which they address the node.
type Access struct {
	// Tokens is the name of a file of tokens (access.ParseTokens), which is read again
	// when it changes; empty: there are none. It must be a regular file that only its
	// owner may read.
	Tokens string

	// Anonymous is the role of a client that shows neither a token nor a certificate:
	// none, reader, writer or admin. Empty: none if there are tokens or the connection is
	// TLS, or else admin.
	Anonymous string

	// Metrics is the role that /metrics asks for; empty: none. /livez and /readyz are
	// open to all that reach the port.
	Metrics string

	// Hosts lists names in the header Host by which clients address the node, besides IP
	// addresses, localhost, and the name in Config.HTTP.
	Hosts []string
}

// accessControl decides about the requests of clients.
type accessControl struct {
	anonymous string
	metrics   access.Role
	hosts     httpapi.Hosts
	origins   *http.CrossOriginProtection
	tokens    *tokenFile // nil: there are none
	audit     *auditLog
}

// newAccessControl reads the file of tokens. Its errors name the field or the file.
func newAccessControl(c *Config, log *slog.Logger) (*accessControl, error) {
	cfg := &c.Access
	a := &accessControl{anonymous: cfg.Anonymous, origins: http.NewCrossOriginProtection(), audit: newAuditLog(log)}
	if _, err := access.AnonymousRole(cfg.Anonymous, false); err != nil {
		return nil, fmt.Errorf("%w: role of anonymous clients: %w", ErrConfig, err)
	}
	var err error
	if cfg.Metrics != "" {
		if a.metrics, err = access.ParseRole(cfg.Metrics); err != nil {
			return nil, fmt.Errorf("%w: role for metrics: %w", ErrConfig, err)
		}
	}
	if a.hosts, err = httpapi.NewHosts(c.HTTP, cfg.Hosts); err != nil {
		return nil, fmt.Errorf("%w: hosts: %w", ErrConfig, err)
	}
	if cfg.Tokens != "" {
		if a.tokens, err = openTokenFile(cfg.Tokens, log); err != nil {
			return nil, fmt.Errorf("%w: tokens: %w", ErrConfig, err)
		}
	}
	return a, nil
}

// principal returns the client of a request. A token goes before a certificate.
func (a *accessControl) principal(r *http.Request) (access.Principal, error) {
	if a.tokens != nil {
		text, err := access.Bearer(r.Header.Values("Authorization"))
		if err != nil {
			return access.Principal{}, err
		}
		if text != "" {
			p, found := a.tokens.find(text)
			if !found {
				return p, fmt.Errorf("%w: the node does not know the token", access.ErrCredentials)
			}
			return p, nil
		}
	}
	if c := verifiedCertificate(r); c != nil {
		owner, err := certificate.Of(c)
		switch {
		case err != nil:
			return access.Principal{}, fmt.Errorf("%w: %w", access.ErrCredentials, err)
		case owner.Kind != certificate.Client:
			return access.Principal{}, fmt.Errorf("%w: %w", access.ErrCredentials, certificate.ErrNotClient)
		}
		return access.Principal{Source: access.Certificate, Name: owner.Name, Role: owner.Role}, nil
	}
	role, err := access.AnonymousRole(a.anonymous, a.tokens != nil || r.TLS != nil)
	return access.Principal{Role: role}, err
}

// verifiedCertificate returns the certificate that a client has shown and TLS has
// verified; nil: there is none.
func verifiedCertificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	return r.TLS.VerifiedChains[0][0]
}

// holds reports whether the credentials with which a principal was found still count.
func (a *accessControl) holds(p access.Principal) bool {
	return p.Source != access.Token || a.tokens.holds(p)
}

// clientKey is the key of a request's client in its context.
type clientKey struct{}

// client is the client of a request.
type client struct {
	access.Principal
	remote string // address, host:port
	share  string // see shareOf
}

func newClient(p access.Principal, remote string) *client {
	return &client{p, remote, shareOf(p, remote)}
}

// shareOf names the clients that have one share of the node: those of one name, or the
// nameless ones of one address. A client has many addresses of IPv6, in one network of 64
// bits.
func shareOf(p access.Principal, remote string) string {
	if p.Source != access.Anonymous {
		return p.String()
	}
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() && !ip.Is4In6() {
		network, _ := ip.WithZone("").Prefix(64) // it has 128 bits
		return network.String()
	}
	return host
}

// clientOf returns the client of a request that was admitted.
func clientOf(r *http.Request) *client {
	c, _ := r.Context().Value(clientKey{}).(*client)
	return c
}

// guarded returns a handler for the requests of clients that may take an action. It
// refuses the others, and all that web pages of other origins send: also reads, since a
// page could use up the node's room for watches.
func (s *Server) guarded(a access.Action, handle http.HandlerFunc) http.HandlerFunc {
	return s.guardedBy(a.Role(), a, handle)
}

// guardedBy is guarded for an action that asks for another role than its own.
func (s *Server) guardedBy(needed access.Role, a access.Action, handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.access.checkOrigin(r); err != nil {
			s.access.audit.refused(newClient(access.Principal{}, r.RemoteAddr), a.String(), r.URL.Path, string(httpapi.CrossOrigin))
			s.sendUncarried(w, r, httpapi.CrossOrigin, err.Error())
			return
		}
		p, err := s.access.principal(r)
		c := newClient(p, r.RemoteAddr)
		if err != nil {
			s.access.audit.refused(c, a.String(), r.URL.Path, string(op.Unauthenticated))
			w.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
			s.sendUncarried(w, r, op.Unauthenticated, err.Error())
			return
		}
		if code, text := s.judge(c, needed, a, r.URL.Path); code != "" {
			s.sendUncarried(w, r, code, text)
			return
		}
		handle(w, r.WithContext(context.WithValue(r.Context(), clientKey{}, c)))
	}
}

// checkOrigin returns an error if a browser says that a page of another origin has sent a
// request. Reads are judged as writes are.
func (a *accessControl) checkOrigin(r *http.Request) error {
	asWrite := *r
	asWrite.Method = http.MethodPost
	if err := a.origins.Check(&asWrite); err != nil {
		return fmt.Errorf("%w: the node serves no web pages of other origins", err)
	}
	return nil
}

// judge returns why a client may not take an action on a thing that needs a role, and the
// text for people; the code is empty if it may. The audit has all refusals.
func (s *Server) judge(c *client, needed access.Role, a access.Action, what string) (code op.Reason, text string) {
	if c.Role.Includes(needed) {
		return "", ""
	}
	code, text = op.Forbidden, fmt.Sprintf("to %v needs the role %v, and %v has the role %v", a, needed, c.Principal, c.Role)
	if c.Source == access.Anonymous {
		code, text = op.Unauthenticated, fmt.Sprintf("to %v needs the role %v: show a token (Authorization: Bearer TOKEN) or a client certificate", a, needed)
	}
	s.access.audit.refused(c, a.String(), what, string(code))
	return code, text
}

// judgeOperation is judge of an operation, whichever way it came. The audit has those
// that only admins may request.
func (s *Server) judgeOperation(c *client, r *node.Request) (code op.Reason, text string) {
	a := access.ActionOf(r)
	if code, text = s.judge(c, a.Role(), a, r.Key); code == "" && a.Role() == access.Admin {
		s.access.audit.admitted(c, a.String(), r.Key)
	}
	return code, text
}

// challenge is the header WWW-Authenticate of a response to an unknown client.
const challenge = `Bearer realm="lockstep"`
