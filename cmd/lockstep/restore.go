package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/backup"
	"github.com/lockstep-dst/lockstep/node/certificate"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func restoreCommand() *cobra.Command {
	var t backup.Target
	var id uint16
	var peers, form string
	cmd := &cobra.Command{
		Use:   "restore FILE --cluster NAME --id N --peers 1=HOST:PORT,... --data DIR",
		Short: "Make the directory of one node of a new cluster from a backup",
		Long: `Make the directory of one node of a new cluster from a backup: once for each node, with the
same file, --cluster and --peers. Then start them, with lockstep node and the same flags:
the cluster forms when all are up.

It is a new cluster, not the old one: it needs another name, and its nodes refuse those of
the old one, its directories and its clients. Machines keep their states and versions.
An operation of the old cluster that the backup has is recognised; any other is never
carried out when it is sent again: its outcome is unknown.

Stop the clients of the old cluster, or the cluster itself, before you use the new one. A
restoration that is interrupted leaves a directory that no node starts with.

Exit codes: 2 usage, or the directory is not empty, 10 the backup is damaged.`,
		Args: cli.Exactly(1, "the file of a backup"),
		RunE: func(cmd *cobra.Command, args []string) error {
			addrs, err := parseAddresses("--peers", peers)
			if err != nil {
				return err
			}
			if t.LogForm, err = wal.ParseForm(form); err != nil {
				return fmt.Errorf("--log-form: %w", err)
			}
			t.ID, t.Members = node.ID(id), slices.Sorted(maps.Keys(addrs))
			switch {
			case addrs[t.ID] == "":
				return fmt.Errorf("--id %d: it is not among --peers; list every member, this one too", id)
			case t.Data == "":
				return errors.New("--data: missing: name a new directory for this node's log")
			case t.Cluster == "":
				return errors.New("--cluster: missing: give the new cluster a name of its own")
			case slices.Max(t.Members) > configuration.MaxID:
				return fmt.Errorf("--peers: node %d: want ids from 1 to %d; low ones, since none is used again when members change", slices.Max(t.Members), configuration.MaxID)
			case len(addrs) > node.MaxMembers:
				return fmt.Errorf("--peers: %d members: want 1 to %d", len(addrs), node.MaxMembers)
			}
			if err := certificate.CheckName("--cluster", t.Cluster); err != nil {
				return err
			}
			return withBackup(args[0], func(in *os.File) error {
				s, err := backup.Restore(in, t)
				if errors.Is(err, backup.ErrSameCluster) {
					return fmt.Errorf("--cluster: %w", err)
				}
				if err != nil {
					return err
				}
				return describeRestored(cmd, &t, s)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&t.Cluster, "cluster", "", "name of the new cluster")
	f.Uint16Var(&id, "id", 0, "number of this node, from 1")
	f.StringVar(&peers, "peers", "", "every member of the new cluster and where it listens, as in 1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003")
	f.StringVar(&form, "log-form", t.LogForm.String(), "of the log: whole for nodes that are to go back to an earlier build, as of lockstep node; else auto")
	f.StringVar(&t.Data, "data", "", "new directory for this node's log")
	return cmd
}

func describeRestored(cmd *cobra.Command, t *backup.Target, s backup.Summary) error {
	out := cmd.OutOrStdout()
	if cli.AsJSON(cmd) {
		return json.NewEncoder(out).Encode(map[string]any{
			"node": t.ID, "data": t.Data, "cluster": t.Cluster, "machines": s.Machines, "definitions": s.Definitions, "backup": hex.EncodeToString(s.Digest[:]),
		})
	}
	_, err := fmt.Fprintf(out, "%s: the log of node %d of the new cluster %q, with %d machines and %d definitions\nRestore the other members from the same file, and start all: lockstep node --cluster %s ...\n",
		t.Data, t.ID, t.Cluster, s.Machines, s.Definitions, t.Cluster)
	return err
}
