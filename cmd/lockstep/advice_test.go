package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/client"
)

// The advice fits the error: a cluster that is up need not be started.
func TestUnansweredAdvice(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:1: dial tcp: connection refused":                                        "is the cluster up?",
		"h:1: " + client.ErrSpeaksTLS.Error():                                              "--tls-ca, --tls-cert and --tls-key name",
		client.ErrCertificate.Error() + " (remote error: tls: certificate required)":       "--tls-cert and --tls-key name a certificate of a client",
		client.ErrPlain.Error():                                                            "leave --tls-ca",
		"tls: failed to verify certificate: x509: certificate signed by unknown authority": "--tls-ca names the authority",
		"x509: certificate has expired or is not yet valid":                                "lockstep certs node",
		"nohost.invalid:1: dial tcp: lookup nohost.invalid: no such host":                  "a host that is not known",
		`Get "http://127.0.0.1:7001/v1/machines": EOF`:                                     "not the ports of peers",
	} {
		require.Contains(t, unansweredAdvice(text), want, text)
	}
}
