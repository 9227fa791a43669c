package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/server"
)

// webClient is the URI of a client.
const webClient = "lockstep://test/client/web"

// certificateOf returns a certificate with a URI, if any, and organizational units.
func certificateOf(uri string, units ...string) *x509.Certificate {
	c := &x509.Certificate{Subject: pkix.Name{CommonName: "web", OrganizationalUnit: units}}
	if u, err := url.Parse(uri); err == nil && uri != "" {
		c.URIs = []*url.URL{u}
	}
	return c
}

func shown(c *x509.Certificate) *tls.ConnectionState {
	return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}}
}

func verified(c *x509.Certificate) *tls.ConnectionState {
	s := shown(c)
	s.VerifiedChains = [][]*x509.Certificate{{c, {}}}
	return s
}

// requireOver reads and proposes over a connection of TLS, or of none, with the token of a
// role, or with none.
func (c *cluster) requireOver(state *tls.ConnectionState, role string, read, propose int, what string) {
	c.t.Helper()
	send := func(method, path, body string) int {
		r := httptest.NewRequestWithContext(c.t.Context(), method, "http://localhost"+path, strings.NewReader(body))
		r.TLS = state
		if body != "" {
			r.Header.Set("Content-Type", httpapi.JSON)
		}
		if role != "" {
			r.Header.Set("Authorization", "Bearer "+tokenOf(role))
		}
		w := httptest.NewRecorder()
		c.nodes[1].Handler().ServeHTTP(w, r)
		return w.Code
	}
	require.Equal(c.t, read, send("GET", "/v1/machines/lifecycle/web", ""), what)
	require.Equal(c.t, propose, send("POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Running","operation":"op-1"}`), what)
}

// A certificate has the role that it names if TLS has verified it. One that was only shown
// is none.
func TestRolesOfCertificates(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Access.Tokens = writeTokens(t) })
	c.requireOver(verified(certificateOf(webClient, "lockstep-reader")), "", 200, 403, "a reader")
	c.requireOver(verified(certificateOf(webClient, "Operations", "lockstep-writer")), "", 200, 200, "a writer")
	c.requireOver(verified(certificateOf(webClient, "lockstep-writer")), "reader", 200, 403, "a writer that shows a reader's token")
	c.requireOver(verified(certificateOf(webClient, "lockstep-writer")), "nobody", 401, 401, "a writer that shows a wrong token")
	c.requireOver(verified(certificateOf(webClient, "Operations")), "", 403, 403, "no role")
	c.requireOver(verified(certificateOf(webClient, "lockstep-reader", "lockstep-admin")), "", 401, 401, "two roles")
	c.requireOver(verified(certificateOf("lockstep://test/node/2", "lockstep-admin")), "", 401, 401, "a member")
	c.requireOver(verified(certificateOf("", "lockstep-admin")), "", 401, 401, "no name")
	c.requireOver(shown(certificateOf(webClient, "lockstep-admin")), "", 401, 401, "not verified")
}

// Over TLS a client without a certificate may do nothing, and without TLS and tokens all,
// unless it is said otherwise.
func TestNamelessClients(t *testing.T) {
	c := startCluster(t, 1)
	c.requireOver(&tls.ConnectionState{}, "", 401, 401, "TLS")
	c.requireOver(nil, "", 200, 200, "neither TLS nor tokens")
}
