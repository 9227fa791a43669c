package main

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/guarantee"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/scenarios/harness/check"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func loadCommand() *cobra.Command {
	var l load
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Load a running cluster, and record what its clients see",
		Long: `Load a running cluster with clients that each do one operation after the other,
and print rates and latencies. What they see is judged while they go on; at the
first violation of linearizability they stop, and it is reported. With --history all
that they see is recorded for lockstep check.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error { return l.run(cmd) },
	}
	l.clientFlags.flags(cmd)
	f := cmd.Flags()
	f.IntVar(&l.clients, "clients", 16, "clients")
	f.IntVar(&l.machines, "machines", 0, "machines that they share (0: one for two clients)")
	f.DurationVar(&l.budget, "for", 10*time.Second, "stop after this")
	f.IntVar(&l.ops, "ops", 0, "stop after so many operations in all (0: after --for alone)")
	f.IntVar(&l.reads, "reads", 10, "percent of operations that read")
	f.StringVar(&l.prefix, "prefix", "", "machines are lifecycle/PREFIX-1, ... (default: load and a random word)")
	f.BoolVar(&l.check, "check", true, "judge what the clients see while they go on; no other client may use the machines")
	f.StringVar(&l.observations, "observations", "", "record streams and local reads in this file meanwhile, as docs/GUARANTEES.md describes, and judge them at the end")
	f.StringVar(&l.history, "history", "", "record the history in this file")
	return cmd
}

type load struct {
	clientFlags
	clients, machines int
	budget            time.Duration
	ops, reads        int
	prefix, history   string
	prefixGiven       bool // --prefix was given
	check             bool
	observations      string // file
}

func (l *load) validate() error {
	switch {
	case l.clients < 1 || l.clients > 10_000:
		return fmt.Errorf("--clients %d: want 1 to 10000", l.clients)
	case l.machines < 0:
		return fmt.Errorf("--machines %d: want 0 or more", l.machines)
	case l.budget <= 0:
		return fmt.Errorf("--for %v: want more than 0", l.budget)
	case l.ops < 0:
		return fmt.Errorf("--ops %d: want 0 or more", l.ops)
	case l.reads < 0 || l.reads > 100:
		return fmt.Errorf("--reads %d: want 0 to 100", l.reads)
	}
	if l.machines == 0 {
		l.machines = (l.clients + 1) / 2
	}
	if l.prefixGiven = l.prefix != ""; !l.prefixGiven {
		l.prefix = "load-" + strings.ToLower(crand.Text()[:8])
	}
	return fsm.CheckName("machine", l.prefix+"-1")
}

func (l *load) run(cmd *cobra.Command) error {
	if err := l.validate(); err != nil {
		return err
	}
	if l.history != "" || l.observations != "" || l.check && l.prefixGiven {
		if err := l.checkUnused(cmd.Context()); err != nil {
			return err
		}
	}
	var out *os.File
	if l.history != "" {
		f, err := os.Create(l.history) // before the load, so that no history is lost for want of a file
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), l.budget)
	defer cancel()
	r := &recorder{begin: time.Now(), remaining: l.ops, unlimited: l.ops == 0}
	judge := newLiveChecker(r)
	if l.check {
		stop := judge.start(func(v checker.Result) {
			fmt.Fprintln(cmd.ErrOrStderr(), "lockstep: violated:", v.Explanation)
			cancel()
		})
		defer stop()
	}
	var on *loadObservers
	if l.observations != "" {
		var err error
		if on, err = l.startObservers(r); err != nil {
			return err
		}
		defer on.cancel()
	}
	var users sync.WaitGroup
	for i := range l.clients {
		c, err := l.newClient()
		if err != nil {
			return err
		}
		users.Go(func() {
			defer c.Close()
			l.runClient(ctx, i, c, r)
		})
	}
	users.Wait()
	var guarantees []guarantee.Result
	if on != nil {
		if err := on.stop(l.observations); err != nil {
			return fmt.Errorf("--observations: %w", err)
		}
		var err error
		if guarantees, err = guarantee.Judge(r.history(), on.observations, guarantee.Options{}); err != nil {
			return err
		}
	}
	if out != nil {
		if err := history.Write(out, r.history()); err != nil {
			return err
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	var verdict checker.Result
	if l.check {
		verdict = judge.finish()
	}
	return l.report(cmd, r, verdict, guarantees)
}

// checkUnused returns an error if a machine has been used before: its history would
// begin in the middle, and could not be judged.
func (l *load) checkUnused(ctx context.Context) error {
	c, err := l.newClient()
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range l.machines {
		r, err := c.Get(ctx, fmt.Sprintf("lifecycle/%s-%d", l.prefix, i+1))
		switch {
		case err != nil:
			return err
		case r.Outcome != node.Committed:
			return &cli.Error{Code: cli.Unreachable, Text: fmt.Sprintf("no answer from --endpoints: %s", r.Text)}
		case r.Version > 0:
			return fmt.Errorf("--prefix %s: lifecycle/%s-%d is at version %d: a history begins with unused machines; choose another prefix, or --check=false and no --history",
				l.prefix, l.prefix, i+1, r.Version)
		}
	}
	return nil
}

// runClient runs one client. An operation that has begun is completed.
func (l *load) runClient(ctx context.Context, i int, c *client.Client, r *recorder) {
	key := fmt.Sprintf("lifecycle/%s-%d", l.prefix, 1+i%l.machines)
	next := map[string]string{"": "Running", "Init": "Running", "Running": "Stopped", "Stopped": "Init"}
	state := ""
	choice := rand.New(rand.NewPCG(uint64(i), 1))
	for ctx.Err() == nil && r.reserve() {
		op := session.Operation{Name: c.NewName(), Kind: node.Propose, Key: key, To: next[state]}
		if choice.IntN(100) < l.reads {
			op.Kind, op.To = node.Read, ""
		}
		o := history.Operation{
			Client: i + 1, ID: op.Name, Machine: key, Kind: history.KindPropose, Argument: op.To,
			Call: r.invoke(i + 1), Version: history.NoVersion,
		}
		if op.Kind == node.Read {
			o.Kind = history.KindRead
		}
		res, err := c.Do(context.WithoutCancel(ctx), op)
		o.Return, o.Outcome, o.Reason = r.now(), outcomeInHistory(res.Outcome), string(res.Reason)
		if res.Known && res.Outcome != node.Unknown {
			o.State, o.Version = res.State, int64(res.Version)
			state = res.State
		}
		r.add(o)
		if err != nil {
			return
		}
	}
}

// loadJSON is the JSON form of a report.
type loadJSON struct {
	Clients    int     `json:"clients"`
	Machines   int     `json:"machines"`
	Operations int     `json:"operations"`
	Committed  int     `json:"committed"`
	Rejected   int     `json:"rejected"`
	Unknown    int     `json:"unknown"`
	Seconds    float64 `json:"seconds"`
	PerSecond  float64 `json:"committed_per_s"`
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	Max        float64 `json:"max_ms"`

	Verdict       checker.Status    `json:"verdict,omitempty"`
	Sentence      string            `json:"sentence,omitempty"`
	Contradiction []string          `json:"contradiction,omitempty"`
	Premise       string            `json:"premise,omitempty"`
	Guarantees    []check.Guarantee `json:"guarantees,omitempty"`
}

func (l *load) report(cmd *cobra.Command, r *recorder, verdict checker.Result, guarantees []guarantee.Result) error {
	took := time.Since(r.begin)
	s := loadJSON{Clients: l.clients, Machines: l.machines, Operations: len(r.ops), Seconds: took.Truncate(time.Millisecond).Seconds()}
	var times []int64
	for _, o := range r.ops {
		switch o.Outcome {
		case history.Committed:
			s.Committed++
			times = append(times, o.Return-o.Call)
		case history.Rejected:
			s.Rejected++
		default:
			s.Unknown++
		}
	}
	slices.Sort(times)
	at := func(permille int) float64 {
		if len(times) == 0 {
			return 0
		}
		return float64(times[(len(times)-1)*permille/1000]/1000) / 1000
	}
	s.P50, s.P99, s.Max = at(500), at(990), at(1000)
	s.PerSecond = float64(int(float64(s.Committed) / took.Seconds()))
	s.Verdict, s.Sentence, s.Contradiction, s.Premise = verdict.Status, verdict.Explanation, check.IDs(verdict.Contradiction), verdict.Premise
	for _, v := range guarantees {
		s.Guarantees = append(s.Guarantees, check.NewGuarantee(v))
	}
	if cli.AsJSON(cmd) {
		if err := json.NewEncoder(cmd.OutOrStdout()).Encode(s); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "%d operations of %d clients on %d machines in %.1f s: %d committed (%.0f/s), %d rejected, %d unknown\n",
			s.Operations, s.Clients, s.Machines, s.Seconds, s.Committed, s.PerSecond, s.Rejected, s.Unknown)
		fmt.Fprintf(cmd.OutOrStdout(), "latency of the committed: median %.2f ms, 99 %% within %.2f ms, longest %.2f ms\n", s.P50, s.P99, s.Max)
		if verdict.Status != "" {
			fmt.Fprintf(cmd.OutOrStdout(), "what the clients saw is %s\n", verdict.Status)
		}
		if verdict.Explanation != "" {
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s", verdict.Explanation, verdict.Evidence())
		}
		for _, v := range s.Guarantees {
			fmt.Fprintln(cmd.OutOrStdout(), v)
		}
	}
	switch check.Worst(verdict.Status, guarantees) {
	case checker.Violated:
		return &cli.Error{Code: cli.Violated}
	case checker.Undecided:
		return &cli.Error{Code: cli.Undecided}
	}
	if s.Committed == 0 {
		code := cli.Unreachable
		if s.Unknown > 0 {
			code = cli.Unknown
		}
		return &cli.Error{Code: code, Text: "nothing was committed; is the cluster up at --endpoints?", Printed: true}
	}
	return nil
}
