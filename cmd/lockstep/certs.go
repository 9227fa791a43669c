package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/certificate"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// Default times for which certificates are valid.
const (
	authorityValidity   = 10 * 365 * 24 * time.Hour
	certificateValidity = 365 * 24 * time.Hour
)

// authorityName is the name of an authority's files, without the extension.
const authorityName = "ca"

// certsFlags holds the flags of all commands that make certificates.
type certsFlags struct {
	dir   string
	valid time.Duration
}

func (a *certsFlags) flags(cmd *cobra.Command, valid time.Duration) {
	cmd.Flags().StringVar(&a.dir, "dir", "certs", "directory of the files; they are never overwritten")
	cmd.Flags().DurationVar(&a.valid, "valid", valid, "for how long the certificate is valid")
}

func certsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Make certificates for nodes and clients",
		Long: `Make an authority, and certificates of nodes and clients that it signs, as files in a
directory. docs/TLS.md runs a cluster with them in five minutes.

A certificate names its owner, as in lockstep://prod/node/3: any authority that writes
such a name into the certificates it signs can take the place of these commands.`,
		Args: cli.Exactly(0, "a subcommand: ca, node or client"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(certsAuthorityCommand(), certsNodeCommand(), certsClientCommand())
	return cmd
}

func certsAuthorityCommand() *cobra.Command {
	var a certsFlags
	var cluster string
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Make the authority of a cluster",
		Long: `Make the authority of a cluster: DIR/ca.crt for all, and DIR/ca.key, with which
certificates are signed. Keep the key where no node runs.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			pair, err := certificate.NewAuthority(cluster, certificate.ValidFor(time.Now(), a.valid))
			if err != nil {
				return err
			}
			return a.save(cmd, authorityName, pair)
		},
	}
	a.flags(cmd, authorityValidity)
	cmd.Flags().StringVar(&cluster, "cluster", "lockstep", "name of the cluster, as nodes are started with")
	return cmd
}

func certsNodeCommand() *cobra.Command {
	var a certsFlags
	var id uint16
	var hosts string
	cmd := &cobra.Command{
		Use:   "node --id N",
		Short: "Make the certificate of a node",
		Long: `Make the certificate of a node, DIR/node-N.crt and DIR/node-N.key, signed by DIR/ca.key.
It is that of node N of the authority's cluster, for both of its ports.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if id == 0 {
				return errors.New("--id: missing: want the number of the node, from 1")
			}
			return a.issue(cmd, nodeCertName(node.ID(id)), func(s certificate.Issuer, v certificate.Validity) (certificate.Pair, error) {
				return s.IssueNode(node.ID(id), splitList(hosts), v)
			})
		},
	}
	a.flags(cmd, certificateValidity)
	cmd.Flags().Uint16Var(&id, "id", 0, "number of the node, from 1")
	cmd.Flags().StringVar(&hosts, "hosts", "localhost,127.0.0.1,::1", "names and IP addresses at which clients reach the node")
	return cmd
}

func certsClientCommand() *cobra.Command {
	var a certsFlags
	var name, role string
	cmd := &cobra.Command{
		Use:   "client --name NAME",
		Short: "Make the certificate of a client",
		Long: `Make the certificate of a client, DIR/client-NAME.crt and DIR/client-NAME.key, signed by
DIR/ca.key. Its organizational unit is its role: lockstep-reader, lockstep-writer or
lockstep-admin.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" {
				return errors.New("--name: missing: want the name of the client")
			}
			r, err := access.ParseRole(role)
			if err != nil {
				return fmt.Errorf("--role %q: want reader, writer or admin", role)
			}
			return a.issue(cmd, "client-"+name, func(s certificate.Issuer, v certificate.Validity) (certificate.Pair, error) {
				return s.IssueClient(name, r, v)
			})
		},
	}
	a.flags(cmd, certificateValidity)
	cmd.Flags().StringVar(&name, "name", "", "name of the client")
	cmd.Flags().StringVar(&role, "role", access.Writer.String(), "what the client may do: reader, writer or admin")
	cli.CompleteFlag(cmd, "role", func() []string {
		return []string{access.Reader.String(), access.Writer.String(), access.Admin.String()}
	})
	return cmd
}

// splitList splits a list by commas.
func splitList(text string) (items []string) {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// nodeCertName is the name of the files of a node's certificate, without the extension.
func nodeCertName(id node.ID) string { return fmt.Sprintf("node-%d", id) }

// issuer returns the authority in the directory.
func (a *certsFlags) issuer() (issuer certificate.Issuer, err error) {
	var authority certificate.Pair
	at := a.files(authorityName)
	if authority.Certificate, err = os.ReadFile(at.Certificate); err == nil {
		authority.Key, err = os.ReadFile(at.Key)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return issuer, fmt.Errorf("--dir %s: there is no authority: make it with lockstep certs ca --dir %s (%w)", a.dir, a.dir, err)
	}
	if err != nil {
		return issuer, err
	}
	if issuer, err = certificate.NewIssuer(authority); err != nil {
		return issuer, fmt.Errorf("--dir %s: %w", a.dir, err)
	}
	return issuer, nil
}

// issue makes a certificate with the authority in the directory, and saves it.
func (a *certsFlags) issue(cmd *cobra.Command, name string, sign func(certificate.Issuer, certificate.Validity) (certificate.Pair, error)) error {
	issuer, err := a.issuer()
	if err != nil {
		return err
	}
	pair, err := sign(issuer, certificate.ValidFor(time.Now(), a.valid))
	if err != nil {
		return err
	}
	return a.save(cmd, name, pair)
}

// madeFiles is the JSON form of the files that were made.
type madeFiles struct {
	Certificate string `json:"certificate"` // path
	Key         string `json:"key"`         // path
}

func (a *certsFlags) files(name string) madeFiles {
	return madeFiles{Certificate: filepath.Join(a.dir, name+".crt"), Key: filepath.Join(a.dir, name+".key")}
}

// write writes a certificate and its key to new files, both or none.
func (a *certsFlags) write(name string, pair certificate.Pair) (made madeFiles, err error) {
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return made, err
	}
	made = a.files(name)
	if err := writeNew(made.Key, pair.Key, 0o600); err != nil {
		return made, err
	}
	if err := writeNew(made.Certificate, pair.Certificate, 0o644); err != nil {
		return made, errors.Join(err, os.Remove(made.Key))
	}
	return made, nil
}

// save writes a certificate and its key, and tells where they are.
func (a *certsFlags) save(cmd *cobra.Command, name string, pair certificate.Pair) error {
	made, err := a.write(name, pair)
	if err != nil {
		return err
	}
	if cli.AsJSON(cmd) {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(made)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "made %s and %s\n", made.Certificate, made.Key)
	return err
}

// writeNew writes a file that must not be there. If it fails there is none.
func writeNew(path string, content []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: it is there already: remove it first, or choose another --dir", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
