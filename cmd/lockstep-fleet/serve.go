package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

type serve struct {
	connection
	dir, listen, config string
	replicas            int
}

func serveCommand() *cobra.Command {
	var s serve
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the queue of a fleet",
		Long: `Serve the queue of a fleet, with its state in a directory, until Ctrl-C. Each write is
synced before it counts; the same directory goes on after an end of any kind.

Without a configuration it listens on this host alone. For other machines give --config
with a configuration of nats-server that has users, and certificates. With --nats nothing
is served: the streams of the fleet are made in a NATS cluster of your own, or brought up
to date there.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	s.register(cmd, "")
	f := cmd.Flags()
	f.StringVar(&s.dir, "dir", "fleet", "directory of the state")
	f.StringVar(&s.listen, "listen", "127.0.0.1:4222", "address of the queue; with port 0 a free one is taken")
	f.StringVar(&s.config, "config", "", "file with a configuration of nats-server, for users and certificates")
	f.IntVar(&s.replicas, "replicas", 1, "servers that keep each stream, in a cluster of your own")
	return cmd
}

func (s *serve) run(cmd *cobra.Command) error {
	if s.replicas < 1 || s.replicas > 5 {
		return fmt.Errorf("--replicas %d: want 1 to 5", s.replicas)
	}
	if s.login.URL != "" {
		return s.prepare(cmd)
	}
	o, err := natsqueue.ServerOptions(s.dir, s.listen, s.config)
	if err != nil {
		return err
	}
	server, err := natsqueue.Start(o, nil)
	if err != nil {
		return err
	}
	defer func() {
		server.Shutdown()
		server.WaitForShutdown()
	}()
	s.login.URL = server.ClientURL()
	if err := s.setUp(cmd.Context()); err != nil {
		return err
	}
	if cli.AsJSON(cmd) {
		_ = json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"address": s.login.URL, "dir": s.dir}) // the output keeps its errors
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "the queue is at %s until Ctrl-C; its state is in %s\n", s.login.URL, s.dir)
	}
	<-cmd.Context().Done()
	return nil
}

// prepare makes the streams in a cluster.
func (s *serve) prepare(cmd *cobra.Command) error {
	if err := s.setUp(cmd.Context()); err != nil {
		return err
	}
	if cli.AsJSON(cmd) {
		_ = json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"address": s.login.URL})
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "the fleet can use %s\n", s.login.URL)
	}
	return nil
}

func (s *serve) setUp(ctx context.Context) error {
	nc, err := s.connect("serve")
	if err != nil {
		return err
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = natsqueue.Setup(ctx, nc, s.replicas)
	if errors.Is(err, nats.ErrPermissionViolation) || errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w: serve needs the permissions of docs/FLEET.md", err)
	}
	return err
}
