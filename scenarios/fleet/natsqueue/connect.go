package natsqueue

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// Login is the way of a machine to the queue, with the proof of its identity.
type Login struct {
	URL     string // of one server or more, with commas
	Name    string // of this machine, for whoever watches the server
	Creds   string // file with a token and its key, as nsc writes it
	NKey    string // file with the seed of a key
	CA      string // file with the certificates of authorities
	Cert    string // files with the certificate of this machine and its key
	CertKey string
}

// ErrNotReady is wrapped by errors about a queue that is not there, or not yet.
var ErrNotReady = errors.New("no queue")

// Connect connects to the queue. From then on the connection is made anew whenever it
// ends.
func Connect(l Login) (*nats.Conn, error) {
	options := []nats.Option{nats.Name(l.Name), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond), nats.ReconnectJitter(500*time.Millisecond, 500*time.Millisecond), nats.Timeout(5 * time.Second)}
	if l.Creds != "" {
		options = append(options, nats.UserCredentials(l.Creds))
	}
	if l.NKey != "" {
		key, err := nats.NkeyOptionFromSeed(l.NKey)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.NKey, err)
		}
		options = append(options, key)
	}
	if l.CA != "" {
		options = append(options, nats.RootCAs(l.CA))
	}
	if l.Cert != "" {
		options = append(options, nats.ClientCert(l.Cert, l.CertKey))
	}
	nc, err := nats.Connect(l.URL, options...)
	if errors.Is(err, nats.ErrNoServers) {
		return nil, fmt.Errorf("%w at %s: %w; is fleet serve running there?", ErrNotReady, l.URL, err)
	}
	if err != nil {
		return nil, fmt.Errorf("no connection to the queue at %s: %w", l.URL, err)
	}
	return nc, nil
}
