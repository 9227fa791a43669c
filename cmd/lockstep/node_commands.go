package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// nodeFlags holds the flags that all nodes of a cluster share.
type nodeFlags struct {
	cluster       string
	codec         string
	timeout       time.Duration
	maxResends    int
	resendTimeout time.Duration
	queue         int
	limits        server.Limits
	operation     operationFlags
	quotas        *quotaFlag
	access        server.Access
	verbose       bool
}

func (s *nodeFlags) flags(f *pflag.FlagSet) {
	d := node.Defaults()
	s.operation.flags(f)
	f.StringVar(&s.cluster, "cluster", "lockstep", "name of the cluster; nodes of another name are refused")
	f.StringVar(&s.codec, "codec", "binary", "form of messages to nodes that read it: binary, cbor or json")
	f.DurationVar(&s.timeout, "consensus-timeout", d.ConsensusTimeout, "an operation that has waited so long is answered")
	f.IntVar(&s.maxResends, "max-resends", d.MaxResends, "times a message is sent again before a round counts as failed")
	f.DurationVar(&s.resendTimeout, "resend-timeout", d.ResendTimeout, "an unanswered message is sent again after this time")
	f.IntVar(&s.queue, "peer-queue", 4096, "messages that may wait for one peer")
	f.IntVar(&s.limits.Connections, "max-connections", server.DefaultConnections, "connections of clients; one more, and the longest idle is closed")
	f.IntVar(&s.limits.Watchers, "max-watchers", server.DefaultWatchers, "clients that may watch")
	f.IntVar(&s.limits.Pending, "max-waiting", server.DefaultPending, "operations of clients that may wait for the node")
	s.quotas = newQuotaFlag(f)
	accessFlags(f, &s.access, &s.limits)
	f.BoolVarP(&s.verbose, "verbose", "v", false, "log more")
}

// config returns the configuration of one node.
func (s *nodeFlags) config(id node.ID, peers map[node.ID]string) server.Config {
	n := node.Defaults()
	n.ID, n.ConsensusTimeout, n.MaxResends, n.ResendTimeout = id, s.timeout, s.maxResends, s.resendTimeout
	n.Quotas = s.quotas.quotas
	cfg := server.Config{Node: n, Build: cli.Version(), Cluster: s.cluster, Peers: peers, Codec: s.codec, Queue: s.queue, Limits: s.limits, Access: s.access}
	s.operation.apply(&cfg)
	return cfg
}

// printServing prints the address at which a node serves clients.
func printServing(cmd *cobra.Command, id node.ID, at net.Addr) {
	if cli.AsJSON(cmd) {
		_ = json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"node": id, "endpoint": at.String()}) // the output keeps its errors
		return
	}
	fmt.Fprintf(cmd.OutOrStdout(), "node %d serves clients at %v\n", id, at)
}

func (s *nodeFlags) logger(cmd *cobra.Command, level slog.Leveler) *slog.Logger {
	if s.verbose {
		level = slog.LevelDebug
	}
	opts := &slog.HandlerOptions{Level: level}
	if cli.AsJSON(cmd) {
		return slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), opts))
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), opts))
}

func nodeCommand() *cobra.Command { return nodeCommandFor(runNode) }

// nodeCommandFor returns the command node with another use of its configuration. build
// makes it of the flags, which have their values by then.
func nodeCommandFor(use func(cmd *cobra.Command, s *nodeFlags, build func() (server.Config, error)) error) *cobra.Command {
	var s nodeFlags
	var secure nodeTLSFlags
	var id uint16
	var listen, peers, join, data, http, advertise string
	cmd := &cobra.Command{
		Use:   "node --id N --peers 1=HOST:PORT,... --data DIR",
		Short: "Run one node of a cluster",
		Long: `Run one node of a cluster until it is interrupted. Three terminals make a cluster:

  lockstep node --id 1 --peers 1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003 --data n1 --http 127.0.0.1:8001

and the same with --id 2 and 3, a directory and an HTTP address of their own.

A node that is to be added to a running cluster has an empty directory, a number that no
member has had, and --join in place of --peers. It waits until lockstep members add, or
replace, names it. Later its log has the members, whatever the flags say. A node that was
away while all members of its log were replaced is told the others by --join as well,
beside the flags that it had.

Other hosts than this one can be members and clients with TLS: see lockstep certs, and
docs/TLS.md.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return use(cmd, &s, func() (server.Config, error) {
				a, err := nodeAddresses(node.ID(id), peers, join, listen)
				if err != nil {
					return server.Config{}, err
				}
				if data == "" {
					return server.Config{}, errors.New("--data: missing: name the directory of this node's log")
				}
				cfg := s.config(node.ID(id), a.peers)
				cfg.Listen, cfg.HTTP, cfg.Data, cfg.Log = listen, http, data, s.logger(cmd, slog.LevelInfo)
				cfg.Join, cfg.JoinName, cfg.Guides, cfg.Advertise = a.join, a.name, a.guides, advertise
				if err := secure.apply(&cfg); err != nil {
					return server.Config{}, err
				}
				return cfg, s.operation.validate()
			})
		},
	}
	f := cmd.Flags()
	f.Uint16Var(&id, "id", 0, "number of this node, from 1")
	f.StringVar(&peers, "peers", "", "every member and where it listens, as in 1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003")
	f.StringVar(&join, "join", "", "in place of --peers: members of a cluster that this node is to be added to, as in 1=127.0.0.1:7001, or the name of their SRV records, as in srv+_lockstep._tcp.example.org")
	f.StringVar(&listen, "listen", "", "where to listen for peers (default: this node's address in --peers)")
	f.StringVar(&http, "http", "", "where to listen for clients, as in 127.0.0.1:8001")
	f.StringVar(&advertise, "advertise-http", "", "address that clients are told by members (default: --http, if it names a host)")
	f.StringVar(&data, "data", "", "directory of this node's log")
	secure.flags(cmd)
	s.flags(f)
	return cmd
}

// printWaiting prints what has a node added that waits for it.
func printWaiting(cmd *cobra.Command, cfg *server.Config) {
	id := cfg.Node.ID
	address := cfg.Peers[id]
	if host, port, err := net.SplitHostPort(address); err == nil {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			address = net.JoinHostPort("HOST", port)
		}
	}
	line := fmt.Sprintf("lockstep members add %d=%s", id, address)
	if cli.AsJSON(cmd) {
		_ = json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"node": id, "waits": line}) // the output keeps its errors
		return
	}
	fmt.Fprintf(cmd.OutOrStdout(), "node %d waits to be added to the cluster: %s\n", id, line)
}
