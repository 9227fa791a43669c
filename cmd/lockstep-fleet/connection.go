package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

// defaultNATS is where fleet serve listens by default.
const defaultNATS = "nats://127.0.0.1:4222"

// connection holds the flags by which a command reaches the queue.
type connection struct{ login natsqueue.Login }

func (c *connection) register(cmd *cobra.Command, url string) {
	f := cmd.Flags()
	f.StringVar(&c.login.URL, "nats", url, "where the queue is, as in nats://10.0.0.1:4222; several with commas")
	f.StringVar(&c.login.Creds, "creds", "", "file of credentials, as nsc writes it")
	f.StringVar(&c.login.NKey, "nkey", "", "file with the seed of a key, as nk writes it")
	f.StringVar(&c.login.CA, "tls-ca", "", "file with the certificates that the server's must come from")
	f.StringVar(&c.login.Cert, "tls-cert", "", "file with this machine's certificate")
	f.StringVar(&c.login.CertKey, "tls-key", "", "file with its key")
}

// open returns the queue; end ends the connection.
func (c *connection) open(ctx context.Context, what string) (q *natsqueue.Queue, end func(), err error) {
	nc, err := c.connect(what)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if q, err = natsqueue.Open(ctx, nc); err != nil {
		nc.Close()
		return nil, nil, err
	}
	return q, nc.Close, nil
}

func (c *connection) connect(what string) (*nats.Conn, error) {
	if (c.login.Cert == "") != (c.login.CertKey == "") {
		return nil, fmt.Errorf("--tls-cert, --tls-key: want both or none")
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	c.login.Name = fmt.Sprintf("lockstep-fleet %s %s-%d", what, host, os.Getpid())
	return natsqueue.Connect(c.login)
}
