package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/steward"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

type serve struct {
	connection
	dir, listen, config        string
	out, http, canary, webhook string
	repo, pkg                  string
	replicas                   int
	prepareOnly                bool
	server                     *natsqueue.Server // in this process; nil: the queue is in a cluster
}

func serveCommand() *cobra.Command {
	var s serve
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the queue of a fleet",
		Long: `Serve the queue of a fleet, with its state in a directory, until Ctrl-C. Each write is
synced before it counts; the same directory goes on after an end of any kind.

Without a configuration it listens on this host alone. For other machines give --config
with a configuration of nats-server that has users, and certificates. With --nats the
queue is in a NATS cluster of your own, where the streams of the fleet are made, or
brought up to date.

It looks after the campaigns, too: jobs that were lost are added again, and what an ended
campaign has shown is kept in the folder --out, as fuzz --out and --state keep it. The page
of this folder, with what is new, ongoing, gone and regressed, is at --http, with /metrics
for Prometheus. With --canary a campaign that has to fail is run every hour.

With --repo and --package each failure that is new, or has come back, is traced back to the
commit that brought it, if its campaign has a commit: the programs of commits are built and
run here.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	s.register(cmd, "")
	f := cmd.Flags()
	f.StringVar(&s.dir, "dir", "fleet", "directory of the state")
	f.StringVar(&s.listen, "listen", "127.0.0.1:4222", "address of the queue; with port 0 a free one is taken")
	f.StringVar(&s.config, "config", "", "file with a configuration of nats-server, for users and certificates")
	f.StringVar(&s.out, "out", "failures", "folder for what campaigns have shown")
	f.StringVar(&s.http, "http", "", "loopback address of the page and the metrics, as in 127.0.0.1:7788")
	f.StringVar(&s.canary, "canary", "", "program with the system canary, as lockstep, which is run every hour and has to fail")
	f.StringVar(&s.webhook, "webhook", "", "URL to which the end of each campaign is posted, as JSON")
	f.StringVar(&s.repo, "repo", "", "a directory in the git repository of the programs, to find the commits that brought failures")
	f.StringVar(&s.pkg, "package", "", "package of the programs, as go build names it in --repo")
	f.BoolVar(&s.prepareOnly, "prepare", false, "with --nats: make the streams, and end")
	f.IntVar(&s.replicas, "replicas", 1, "servers that keep each stream, in a cluster of your own")
	return cmd
}

func (s *serve) run(cmd *cobra.Command) error {
	if err := s.checkFlags(); err != nil {
		return err
	}
	steward, err := s.steward(cmd)
	if err != nil {
		return err
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	nc, end, err := s.startServer(steward.Log)
	if err != nil {
		return err
	}
	defer end()
	steward.Queue, err = s.setUp(cmd.Context(), nc)
	if err != nil || s.prepareOnly {
		return err
	}
	return s.lookAfter(cmd, steward)
}

func (s *serve) checkFlags() error {
	switch {
	case s.replicas < 1 || s.replicas > 5:
		return fmt.Errorf("--replicas %d: want 1 to 5", s.replicas)
	case (s.repo == "") != (s.pkg == ""):
		return errors.New("--repo, --package: want both or none")
	case s.prepareOnly && s.login.URL == "":
		return errors.New("--prepare: want --nats, the cluster in which the streams are made: a server of its own makes them when it starts")
	}
	return nil
}

// lock keeps the directories for this process: two servers lose campaigns of each other, and
// two stewards tell all twice.
func (s *serve) lock() (unlock func(), err error) {
	var files []*os.File
	unlock = func() {
		for _, f := range files {
			f.Close()
		}
	}
	keep := func(flag, dir, name string) {
		if err == nil {
			var f *os.File
			if f, err = lockDir(flag, dir, name); err == nil {
				files = append(files, f)
			}
		}
	}
	if s.login.URL == "" {
		keep("--dir", s.dir, "serve.lock")
	}
	if !s.prepareOnly {
		keep("--out", s.out, "steward.lock")
	}
	if err != nil {
		unlock()
	}
	return unlock, err
}

// lookAfter looks after the campaigns, and serves the page, until Ctrl-C or until the store
// fails.
func (s *serve) lookAfter(cmd *cobra.Command, st *steward.Steward) error {
	ctx, stop := context.WithCancelCause(cmd.Context())
	page, err := s.servePage(ctx, st)
	if err != nil {
		stop(nil)
		return err
	}
	defer page.wait()
	defer stop(nil)
	if s.server != nil {
		go watchStore(ctx, s.server, stop)
	}
	if cli.AsJSON(cmd) {
		_ = json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"address": natsqueue.Address(s.login.URL), "dir": s.dir, "out": s.out, "http": page.address}) // the output keeps its errors
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "the queue is at %s until Ctrl-C; what campaigns show is kept in %s\n", natsqueue.Address(s.login.URL), s.out)
		if page.address != "" {
			fmt.Fprintf(cmd.OutOrStdout(), "the page is at %s\n", page.address)
		}
	}
	st.Run(ctx)
	if cmd.Context().Err() == nil {
		return context.Cause(ctx)
	}
	return nil
}

// storeInterval is the time between two looks at the store of the server.
const storeInterval = 2 * time.Second

// watchStore stops the process when the server cannot write its store any more: whoever
// started it is to know, and it goes on only from a new start.
func watchStore(ctx context.Context, server *natsqueue.Server, stop context.CancelCauseFunc) {
	for ctx.Err() == nil {
		if err := server.Check(); err != nil {
			stop(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(storeInterval):
		}
	}
}

// steward returns the steward, without its queue.
func (s *serve) steward(cmd *cobra.Command) (*steward.Steward, error) {
	st := &steward.Steward{Out: s.out, Log: newLog(cmd.ErrOrStderr())}
	if s.repo != "" {
		st.Repository = &steward.Repository{Dir: s.repo, Package: s.pkg}
	}
	if s.http != "" {
		st.Watch = &steward.Watch{}
	}
	if s.canary != "" {
		program, err := fleet.OpenProgram(s.canary, 0)
		if err != nil {
			return nil, fmt.Errorf("--canary: %w", err)
		}
		st.Canary = program
	}
	if s.webhook != "" {
		if u, err := url.Parse(s.webhook); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("--webhook %q: want a URL, as in https://chat.example/hook", s.webhook)
		}
		st.Tell = steward.Webhook(s.webhook)
	}
	return st, nil
}

// startServer starts a server in this process, unless the queue is in a cluster, and
// connects to it.
func (s *serve) startServer(log *slog.Logger) (nc *nats.Conn, end func(), err error) {
	if s.login.URL != "" {
		if nc, err = s.connect("serve"); err != nil {
			return nil, nil, err
		}
		return nc, nc.Close, nil
	}
	o, err := natsqueue.ServerOptions(s.dir, s.listen, s.config)
	if err != nil {
		return nil, nil, err
	}
	server, err := natsqueue.Start(o, log)
	if err != nil {
		return nil, nil, err
	}
	s.server = server
	s.login.URL, s.login.Name = server.ClientURL(), "lockstep-fleet serve"
	if nc, err = server.Connect(s.login); err != nil {
		server.Stop()
		return nil, nil, fmt.Errorf("no connection to the server in this process: %w; a server whose users have tokens needs --creds", err)
	}
	return nc, func() {
		nc.Close()
		server.Stop()
	}, nil
}

// setUp makes the streams of the queue, and opens it.
func (s *serve) setUp(ctx context.Context, nc *nats.Conn) (*natsqueue.Queue, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := natsqueue.Setup(ctx, nc, s.replicas); err != nil {
		return nil, err
	}
	return natsqueue.Open(ctx, nc)
}
