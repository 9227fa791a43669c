package natsqueue

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
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

// errURL is the error about the URL of a queue.
var errURL = errors.New("want URLs as in nats://10.0.0.1:4222; characters as / in a password are written as in %2F")

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
	switch {
	case err == nil:
		return nc, nil
	case isLater(err):
		return nil, fmt.Errorf("%w at %s: %w; is fleet serve running there?", ErrNotReady, Address(l.URL), err)
	}
	if broken := (*url.Error)(nil); errors.As(err, &broken) {
		err = errURL // in place of its text, which may have a password
	}
	return nil, fmt.Errorf("no connection to the queue at %s: %w", Address(l.URL), err)
}

// isLater reports whether an error is that of a network or a server that may be there later,
// and not of an identity that is refused.
func isLater(err error) bool {
	var network *net.OpError
	return errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, io.EOF) ||
		errors.As(err, &network) && slices.Contains([]string{"dial", "read", "write"}, network.Op)
}

// Address returns the URLs of a queue without the users and passwords in them.
func Address(urls string) string {
	var list []string
	for text := range strings.SplitSeq(urls, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil || u.Host == "" {
			list = append(list, text[strings.LastIndex(text, "@")+1:]) // without a scheme, as localhost:4222
			continue
		}
		u.User = nil
		list = append(list, u.String())
	}
	return strings.Join(list, ",")
}
