package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/certificate"
	"github.com/lockstep-dst/lockstep/node/tlsfiles"
)

// developmentClient is the name of the client of a development cluster's authority.
const developmentClient = "client-dev"

// developmentCerts is the authority of a development cluster, with the certificates of its
// nodes and of one client, an administrator. Its key is a file beside them.
type developmentCerts struct{ certsFlags }

// newDevelopmentCerts makes the files that are missing, in a folder beside the nodes' logs.
func newDevelopmentCerts(data, cluster string, nodes int) (*developmentCerts, error) {
	c := &developmentCerts{certsFlags{dir: filepath.Join(data, "certs"), valid: certificateValidity}}
	valid := certificate.ValidFor(time.Now(), c.valid)
	err := c.ensure(authorityName, func() (certificate.Pair, error) {
		return certificate.NewAuthority(cluster, certificate.ValidFor(time.Now(), authorityValidity))
	})
	if err != nil {
		return nil, err
	}
	issuer, err := c.issuer()
	if err != nil {
		return nil, err
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	for id := 1; id <= nodes; id++ {
		err = errors.Join(err, c.ensure(nodeCertName(node.ID(id)), func() (certificate.Pair, error) { return issuer.IssueNode(node.ID(id), hosts, valid) }))
	}
	return c, errors.Join(err, c.ensure(developmentClient, func() (certificate.Pair, error) {
		return issuer.IssueClient("dev", access.Admin, valid)
	}))
}

// ensure makes a certificate, unless it is there.
func (c *developmentCerts) ensure(name string, makePair func() (certificate.Pair, error)) error {
	if _, err := os.Stat(c.files(name).Certificate); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	pair, err := makePair()
	if err != nil {
		return err
	}
	_, err = c.write(name, pair)
	return err
}

// paths returns the files of TLS of the owner of a certificate.
func (c *developmentCerts) paths(name string) tlsfiles.Paths {
	own := c.files(name)
	return tlsfiles.Paths{Authorities: c.files(authorityName).Certificate, Certificate: own.Certificate, Key: own.Key}
}

// clientFlags returns the flags with which clients reach the cluster.
func (c *developmentCerts) clientFlags() string {
	p := c.paths(developmentClient)
	return fmt.Sprintf(" --tls-ca %s --tls-cert %s --tls-key %s", p.Authorities, p.Certificate, p.Key)
}
