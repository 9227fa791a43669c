package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func clusterCommand() *cobra.Command {
	var s nodeFlags
	var nodes, port, http int
	var data string
	var secure bool
	cmd := &cobra.Command{
		Use:   "cluster --data DIR",
		Short: "Run a development cluster in one process",
		Long: `Run a development cluster in one process, on loopback, until it is interrupted.
Its nodes keep their logs in folders of their own under --data.

With --tls-dev all connections are TLS. An authority, certificates of the nodes and of a
client, which is an administrator, are made in DIR/certs if they are not there; whoever
reads the authority's key there can be any node, so it is for development alone.

It tells when the cluster is ready, and commands to try. Warnings of nodes about each
other are left out while they start and stop; with --verbose everything is logged.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			if nodes < 1 || nodes > node.MaxMembers {
				return fmt.Errorf("--nodes %d: want 1 to %d", nodes, node.MaxMembers)
			}
			if data == "" {
				return errors.New("--data: missing: name a directory for the nodes' logs")
			}
			peers := map[node.ID]string{}
			for i := 1; i <= nodes; i++ {
				peers[node.ID(i)] = fmt.Sprintf("127.0.0.1:%d", port+i)
			}
			c := devCluster{cmd: cmd, data: data}
			log := s.logger(cmd, &c)
			var configs []server.Config
			for i := 1; i <= nodes; i++ {
				cfg := s.config(node.ID(i), peers)
				cfg.HTTP = fmt.Sprintf("127.0.0.1:%d", http+i)
				cfg.Data, cfg.Log = filepath.Join(data, fmt.Sprintf("node-%d", i)), log
				configs = append(configs, cfg)
			}
			if err := validate(set, func() (server.Config, error) { return s.config(1, peers), s.operation.validate() }); err != nil {
				return err
			}
			if secure {
				if err := c.secure(configs); err != nil {
					return err
				}
			}
			return c.run(configs, &s.operation)
		},
	}
	f := cmd.Flags()
	f.IntVar(&nodes, "nodes", 3, "how many nodes, 1 to 7")
	f.IntVar(&port, "base-port", 7000, "node N listens for peers on this port + N")
	f.IntVar(&http, "base-http", 8000, "node N listens for clients on this port + N")
	f.StringVar(&data, "data", "", "directory for the nodes' logs")
	f.BoolVar(&secure, "tls-dev", false, "use TLS, with an authority for development in DIR/certs")
	s.flags(f)
	return cmd
}

// devCluster is a development cluster, as the person sees it who has started it.
type devCluster struct {
	cmd      *cobra.Command
	data     string
	certs    *developmentCerts // nil: without TLS
	warnings atomic.Bool       // the nodes should know each other by now
}

// secure has the nodes use TLS.
func (c *devCluster) secure(configs []server.Config) (err error) {
	if c.certs, err = newDevelopmentCerts(c.data, configs[0].Cluster, len(configs)); err != nil {
		return err
	}
	for i := range configs {
		configs[i].TLS = &server.TLS{Paths: c.certs.paths(nodeCertName(configs[i].Node.ID))}
	}
	return nil
}

// run runs the nodes until the command is interrupted or one of them fails.
func (c *devCluster) run(configs []server.Config, o *operationFlags) error {
	if configs[0].TLS == nil && configs[0].Access.Tokens == "" { // nothing to read again: it ends with its terminal
		ctx, end := signal.NotifyContext(c.cmd.Context(), syscall.SIGHUP)
		defer end()
		c.cmd.SetContext(ctx)
	}
	stop := context.AfterFunc(c.cmd.Context(), func() {
		if !cli.AsJSON(c.cmd) {
			fmt.Fprintln(c.cmd.ErrOrStderr(), "stopping: operations under way are ended first; a second Ctrl-C ends the process at once")
		}
	})
	defer stop() // the context ends after a failure, too
	if err := serve(c.cmd, configs, o, c.awaitReady); err != nil {
		return err
	}
	out := c.cmd.OutOrStdout()
	if cli.AsJSON(c.cmd) {
		return json.NewEncoder(out).Encode(map[string]any{"stopped": true})
	}
	_, err := fmt.Fprintln(out, "stopped")
	return err
}

// Level implements slog.Leveler. While the nodes start and stop one after the other, their
// warnings are about each other.
func (c *devCluster) Level() slog.Level {
	if c.warnings.Load() && c.cmd.Context().Err() == nil {
		return slog.LevelWarn
	}
	return slog.LevelError
}

// patience is the time after which a cluster that is not ready tells why.
const patience = 5 * time.Second

// awaitReady waits until all nodes are ready, and prints that. It returns when ctx ends.
func (c *devCluster) awaitReady(ctx context.Context, servers []*server.Server) {
	impatient := time.After(patience)
	for {
		reason := notReady(servers)
		if reason == "" {
			c.warnings.Store(true)
			c.printReady(servers)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-impatient:
			c.warnings.Store(true)
			fmt.Fprintf(c.cmd.ErrOrStderr(), "not ready yet: %s\n", reason)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// notReady returns why the first node that is not ready is not, or nothing.
func notReady(servers []*server.Server) string {
	for _, s := range servers {
		if st := s.Status(); !st.Ready {
			return fmt.Sprintf("node %d: %s", st.Node, st.Reason)
		}
	}
	return ""
}

// printReady prints that the cluster is ready, and commands for another terminal.
func (c *devCluster) printReady(servers []*server.Server) {
	var endpoints []string
	for _, s := range servers {
		endpoints = append(endpoints, s.HTTPAddr().String())
	}
	out := c.cmd.OutOrStdout() // the output keeps its errors
	if cli.AsJSON(c.cmd) {
		ready := map[string]any{"ready": true, "endpoints": endpoints, "data": c.data}
		if c.certs != nil {
			ready["certs"] = c.certs.dir
		}
		_ = json.NewEncoder(out).Encode(ready)
		return
	}
	secured := ""
	if c.certs != nil {
		secured = c.certs.clientFlags()
	}
	fmt.Fprintf(out, "ready: a cluster of %d, with its logs in %s; Ctrl-C stops it. In another terminal, try\n", len(servers), c.data)
	named := " --endpoints " + strings.Join(endpoints, ",")
	if strings.Join(endpoints, ",") == defaultEndpoints {
		named = ""
	}
	for _, line := range []string{"propose lifecycle/web-1 Running", "watch lifecycle/", "list"} {
		fmt.Fprintf(out, "  %s %s%s%s\n", cli.ProgramName(), line, named, secured)
	}
}
