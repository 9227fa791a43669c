package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Errors of a connection of which one side speaks TLS and the other does not, or not
// with this client. Nothing was carried out.
var (
	// ErrSpeaksTLS: the node speaks TLS, and the client does not.
	ErrSpeaksTLS = errors.New("the node speaks TLS, and this client does not: give it the authorities' certificates, and its own")
	// ErrPlain: the client speaks TLS, and the node does not.
	ErrPlain = errors.New("the node speaks no TLS, and this client does: leave its certificates out, or give the node one")
	// ErrCertificate: the node refuses the client's certificate.
	ErrCertificate = errors.New("the node refuses this client's certificate, or its want of one; the node's log says why")
)

// dialFunc opens connections to endpoints.
type dialFunc func(ctx context.Context, endpoint string) (net.Conn, error)

// withTLS returns a function that opens connections with TLS. Its error means that
// nothing was sent above TLS.
func withTLS(dial dialFunc, config func() *tls.Config) dialFunc {
	return func(ctx context.Context, endpoint string) (net.Conn, error) {
		c := config().Clone()
		c.NextProtos = []string{"http/1.1"} // HTTP/2 cannot become a stream
		if c.ServerName == "" {
			host, _, err := net.SplitHostPort(endpoint)
			if err != nil {
				return nil, err
			}
			c.ServerName = host
		}
		conn, err := dial(ctx, endpoint)
		if err != nil {
			return nil, err
		}
		secured := tls.Client(conn, c)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, describeTLS(err)
		}
		return secured, nil
	}
}

// describeTLS gives errors of TLS clearer texts.
func describeTLS(err error) error {
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header):
		return fmt.Errorf("%w (%w)", ErrPlain, err)
	case certificateRefused(err):
		return fmt.Errorf("%w (%w)", ErrCertificate, err)
	}
	return err
}

// Alerts of TLS with which a server ends the handshake since it refuses the client's
// certificate: RFC 8446, 6.2. In TLS 1.3 the client has finished its part by then, and
// learns of it from its first read. The server has not read anything above TLS.
var certificateAlerts = []tls.AlertError{
	42,  // bad certificate
	43,  // unsupported certificate
	44,  // revoked
	45,  // expired
	46,  // unknown
	48,  // unknown authority
	116, // required
}

// certificateRefused reports whether an error of a connection is one of these alerts. The
// library has no other way to tell them than their texts.
func certificateRefused(err error) bool {
	var remote *net.OpError
	if !errors.As(err, &remote) || remote.Op != "remote error" {
		return false
	}
	for _, alert := range certificateAlerts {
		if remote.Err.Error() == alert.Error() {
			return true
		}
	}
	return false
}

// speaksTLS reports whether a response is that of net/http to a request without TLS.
func speaksTLS(status int, body []byte) bool {
	return status == http.StatusBadRequest && strings.HasPrefix(string(body), "Client sent an HTTP request to an HTTPS server")
}

// refusesPlain reports whether a response to a request for a stream is that of a node that
// speaks TLS. It may read the body.
func refusesPlain(resp *http.Response) bool {
	if resp.StatusCode != http.StatusBadRequest {
		return false
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	return err == nil && speaksTLS(resp.StatusCode, body)
}
