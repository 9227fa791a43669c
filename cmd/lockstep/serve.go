package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// closeTimeout is the time for a node to close its log and connections, after the time
// for operations under way. A disk that answers nothing takes longer.
const closeTimeout = 5 * time.Second

// serve runs nodes until the command is interrupted or one of them fails. Then the nodes
// have a drain timeout for the operations that are under way. It calls started, if not nil,
// when all have started, with a context that ends when they are to stop.
func serve(cmd *cobra.Command, configs []server.Config, o *operationFlags, started func(context.Context, []*server.Server)) (err error) {
	signal.Ignore(syscall.SIGPIPE) // a node outlives the readers of its output
	defer logStopping(cmd.Context(), configs[0].Log, o.drainTimeout)()
	defer paceCollector()()
	if o.debug != "" {
		stop, err := startDebug(o.debug, configs[0].Log)
		if err != nil {
			return &cli.Error{Code: nodeCode(err), Text: err.Error()}
		}
		defer stop()
	}
	ctx, failed := context.WithCancel(cmd.Context())
	defer failed()
	running, stop := onHangup(configs)
	defer stop()
	var servers []*server.Server
	defer func() { err = errors.Join(err, stopNodes(servers, configs, o.drainTimeout)) }()
	for _, cfg := range configs {
		s, err := startNode(ctx, cfg, server.Start)
		switch {
		case err == errInterrupted && cmd.Context().Err() == nil: // a node before this one has failed
			return nodesFailed(servers, configs)
		case err == errInterrupted:
			return nil
		case err != nil:
			return err
		}
		servers = append(servers, s)
		go func() {
			<-s.Done()
			failed()
		}()
		if a := s.HTTPAddr(); a != nil {
			printServing(cmd, cfg.Node.ID, a)
		}
		if s.WaitsToBeAdded() {
			printWaiting(cmd, &cfg)
		}
	}
	running(servers)
	if started != nil {
		started(ctx, servers)
	}
	<-ctx.Done()
	if cmd.Context().Err() != nil {
		return nil
	}
	return nodesFailed(servers, configs)
}

// errInterrupted is the error of startNode if the command is interrupted.
var errInterrupted = errors.New("interrupted")

// startNode starts a node. An interruption ends the wait for it: a log may take long to
// read. The process is about to end then, and the log is as after a crash.
func startNode(ctx context.Context, cfg server.Config, start func(server.Config) (*server.Server, error)) (*server.Server, error) {
	type result struct {
		server *server.Server
		err    error
	}
	started := make(chan result, 1)
	go func() {
		s, err := start(cfg)
		started <- result{s, err}
	}()
	var r result
	select {
	case r = <-started:
	case <-ctx.Done():
		cfg.Log.Info("interrupted before the node has started", "node", cfg.Node.ID)
		return nil, errInterrupted
	}
	if r.err != nil {
		return nil, &cli.Error{Code: nodeCode(r.err), Text: fmt.Sprintf("node %d: %v", cfg.Node.ID, r.err)}
	}
	return r.server, nil
}

// nodeCode returns the exit code for the error of a node: Usage for settings, which only
// people can change.
func nodeCode(err error) cli.Code {
	switch {
	case errors.Is(err, member.ErrRemoved):
		return cli.Removed
	case refusesLog(err), errors.Is(err, member.ErrAmnesia):
		return cli.Damaged
	case errors.Is(err, server.ErrNodeFailed), !errors.Is(err, server.ErrConfig) && mayPass(err):
		return cli.Stopped
	}
	return cli.Usage
}

// mayPass reports whether an error is of the host: a later start may succeed with the same
// settings, as when a name is known, an interface is up, or a file system can be written.
func mayPass(err error) bool {
	var system syscall.Errno
	var lookup *net.DNSError
	return errors.Is(err, files.ErrLocked) || errors.As(err, &system) || errors.As(err, &lookup)
}

// nodesFailed returns the error of the first node that has stopped by itself, or nil.
func nodesFailed(servers []*server.Server, configs []server.Config) error {
	for i, s := range servers {
		select {
		case <-s.Done():
			if err := s.Err(); err != nil {
				code := nodeCode(errors.Join(err, server.ErrNodeFailed))
				return &cli.Error{Code: code, Text: fmt.Sprintf("node %d: %v", configs[i].Node.ID, err)}
			}
		default:
		}
	}
	return nil
}

// stopNodes stops nodes, all at once: they drain first, with each other's help. A node
// with a disk that answers nothing is left to the end of the process.
func stopNodes(servers []*server.Server, configs []server.Config, drainTimeout time.Duration) error {
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	var drained, closed sync.WaitGroup
	for i, s := range servers {
		drained.Go(func() {
			if err := s.Drain(drain); err != nil {
				configs[i].Log.Warn("stops with operations under way, which get the outcome unknown", "node", configs[i].Node.ID, "drain-timeout", drainTimeout)
			}
		})
	}
	drained.Wait()
	for _, s := range servers {
		closed.Go(func() { _ = s.Close(drain) }) // a failure is in nodesFailed
	}
	done := make(chan struct{})
	go func() {
		closed.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-time.After(closeTimeout):
		return &cli.Error{Code: cli.Stopped, Text: fmt.Sprintf("a node has not closed its log in %v: its disk does not answer", closeTimeout)}
	}
}

// logStopping logs the interruption of a command, until the function that it returns is
// called: after a failure the context ends, too.
func logStopping(ctx context.Context, log *slog.Logger, drainTimeout time.Duration) (end func() bool) {
	return context.AfterFunc(ctx, func() {
		log.Info("stopping: operations under way are ended first; a second signal ends the process at once", "drain-timeout", drainTimeout)
	})
}
