package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/lockstep-dst/lockstep/node/backup"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func backupCommand() *cobra.Command {
	var a clientFlags
	var out string
	var data []string
	var rate int
	var wait time.Duration
	var allowBehind bool
	cmd := &cobra.Command{
		Use:   "backup -o FILE",
		Short: "Write all machines of a cluster to a file",
		Long: `Write all machines of a cluster to a file, from which lockstep restore makes a new
cluster. The cluster serves meanwhile. Each machine is read from a majority: the file has
it as it was at some time since the command began, with the operations that it remembers.
Between machines there is no order. Nodes must be reached that are a majority; if they go
away meanwhile, it waits for them. A command that was interrupted leaves no file: begin anew.

With --data it reads the directories of stopped nodes in place of a running cluster: those
of a majority of the members, or with --allow-behind of fewer, which may lack committed
operations and hold rejected ones.

Exit codes: 2 usage, or the file is there already, 9 no node, or no majority, responds.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return errors.New("-o: missing: name the file to write")
			}
			if rate < 0 {
				return fmt.Errorf("--rate %d: want 1 or more machines a second, or 0 for no limit", rate)
			}
			if len(data) > 0 {
				return backupDirectories(cmd, data, out, allowBehind)
			}
			return a.backup(cmd, out, rate, wait)
		},
	}
	a.flags(cmd)
	f := cmd.Flags()
	f.StringVarP(&out, "output", "o", "", "file to write, compressed if its name ends with .zst; it must not exist")
	f.DurationVar(&wait, "wait", time.Minute, "for how long to wait for a majority that goes away meanwhile")
	f.StringArrayVar(&data, "data", nil, "directory of a stopped node, in place of --endpoints; once for each")
	f.BoolVar(&allowBehind, "allow-behind", false, "with --data: fewer directories than a majority will do")
	f.IntVar(&rate, "rate", 0, "machines to read a second, about (default: no limit)")
	cmd.AddCommand(backupVerifyCommand(), backupShowCommand())
	return cmd
}

// backupDirectories writes a backup of stopped nodes.
func backupDirectories(cmd *cobra.Command, paths []string, out string, allowBehind bool) error {
	d, err := backup.ReadDirectories(paths, time.Now().UTC().Truncate(time.Second))
	if err != nil {
		return err
	}
	if d.Header.Source != backup.Majority && !allowBehind {
		return fmt.Errorf("--data: %d directories of a cluster of %d members: without a majority, committed operations may be missing: give more, or --allow-behind", len(paths), len(d.Header.Members))
	}
	f, err := backup.Create(out, d.Header)
	if err != nil {
		return err
	}
	if err := d.Write(f.Writer); err != nil {
		f.Abort()
		return err
	}
	return commitBackup(cmd, f, out, d.Header)
}

// commitBackup completes a backup, and describes it.
func commitBackup(cmd *cobra.Command, f *backup.File, path string, h backup.Header) error {
	s, err := f.Commit()
	if err != nil {
		return err
	}
	h.Format = backup.Format
	return describeBackup(cmd, path, h, s)
}

// backupReport describes a backup.
type backupReport struct {
	File string `json:"file"`
	backup.Header
	Definitions uint64 `json:"definitions"`
	Machines    uint64 `json:"machines"`
	Digest      string `json:"digest"`
}

func describeBackup(cmd *cobra.Command, path string, h backup.Header, s backup.Summary) error {
	out := cmd.OutOrStdout()
	if cli.AsJSON(cmd) {
		return json.NewEncoder(out).Encode(backupReport{path, h, s.Definitions, s.Machines, hex.EncodeToString(s.Digest[:])})
	}
	name := h.Cluster
	if name == "" {
		name = "of name hash " + h.ClusterName
	}
	_, err := fmt.Fprintf(out, "%s: a sound backup of the cluster %s, of %s\n%d machines, %d definitions: %s\ndigest %x\n",
		path, name, h.Taken.Format(time.RFC3339), s.Machines, s.Definitions, h.Source.Describe(), s.Digest)
	return err
}

// withBackup calls f with an open backup, and gives its error an exit code.
func withBackup(path string, f func(in *os.File) error) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	err = f(in)
	if errors.Is(err, backup.ErrDamaged) {
		return &cli.Error{Code: cli.Damaged, Text: fmt.Sprintf("%s: %v", path, err)}
	}
	if errors.Is(err, backup.ErrFormat) || errors.Is(err, backup.ErrContent) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return err
}

func backupVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE",
		Short: "Check that a backup is whole and sound",
		Long: `Read all of a backup, and check every record, that none is missing, and that a cluster can
hold what is in it. It exits with 10 if the file is damaged.`,
		Args: cli.Exactly(1, "the file of a backup"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withBackup(args[0], func(in *os.File) error {
				h, s, err := backup.Check(in)
				if err != nil {
					return err
				}
				return describeBackup(cmd, args[0], h, s)
			})
		},
	}
}

func backupShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show FILE",
		Short: "List the machines in a backup",
		Long: `List the machines in a backup, one a line, the ones that hold definitions too. If the
file turns out to be damaged, what was listed before the error may be wrong, and it
exits with 10.`,
		Args: cli.Exactly(1, "the file of a backup"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withBackup(args[0], func(in *os.File) error { return showBackup(cmd, in) })
		},
	}
}

func showBackup(cmd *cobra.Command, in io.Reader) error {
	b, err := backup.NewReader(in)
	if err != nil {
		return err
	}
	out, lines := cmd.OutOrStdout(), json.NewEncoder(cmd.OutOrStdout())
	for {
		r, err := b.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case cli.AsJSON(cmd):
			err = lines.Encode(map[string]any{"key": r.Key, "state": r.Value.State, "version": r.Value.Version, "serial": r.Value.Serial})
		default:
			_, err = fmt.Fprintf(out, "%s %s v%d\n", r.Key, r.Value.State, r.Value.Version)
		}
		if err != nil {
			return err
		}
	}
}
