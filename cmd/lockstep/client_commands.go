package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// clientFlags holds the flags of commands that are clients of a running cluster.
type clientFlags struct {
	tlsFlags
	endpoints string
	timeout   time.Duration
	log       *slog.Logger
	httpOnly  bool // each operation is a request of HTTP; no flag of all commands
	tokenFile string
}

func (a *clientFlags) flags(cmd *cobra.Command) {
	defer fromEnvironment(cmd)()
	f := cmd.Flags()
	f.StringVar(&a.endpoints, "endpoints", defaultEndpoints, "HTTP addresses of the nodes, in the order of their ids")
	f.DurationVar(&a.timeout, "timeout", 10*time.Second, "give up after this")
	a.tlsFlags.flags(f)
	a.log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	f.StringVar(&a.tokenFile, "token-file", "", "file with the token to show, which only its owner may read (default: the token in LOCKSTEP_TOKEN)")
}

// defaultEndpoints are those of lockstep cluster.
const defaultEndpoints = "127.0.0.1:8001,127.0.0.1:8002,127.0.0.1:8003"

func (a *clientFlags) endpointList() []string {
	var list []string
	for _, e := range strings.Split(a.endpoints, ",") {
		if e = strings.TrimSpace(e); e != "" {
			list = append(list, e)
		}
	}
	return list
}

func (a *clientFlags) validate() error {
	if a.timeout <= 0 {
		return fmt.Errorf("--timeout %v: want more than 0", a.timeout)
	}
	return nil
}

func (a *clientFlags) newClient() (*client.Client, error) {
	if err := a.validate(); err != nil {
		return nil, err
	}
	secured, err := a.clientTLS(a.log)
	if err != nil {
		return nil, err
	}
	token, err := readToken(a.tokenFile)
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Config{Endpoints: a.endpointList(), Deadline: a.timeout, Token: token, TLS: secured, HTTPOnly: a.httpOnly})
	if err != nil {
		return nil, fmt.Errorf("--endpoints: %w", err)
	}
	return c, nil
}

func getCommand() *cobra.Command {
	var a clientFlags
	var local bool
	cmd := &cobra.Command{
		Use:   "get KEY",
		Short: "Read a machine",
		Long:  "Read a machine, as in lifecycle/web-1. The answer is linearizable unless --local is given.",
		Args:  cli.Exactly(1, "a machine, as in lifecycle/web-1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := node.Read
			if local {
				kind = node.ReadLocal
			}
			return a.doOperation(cmd, session.Operation{Kind: kind, Key: args[0]})
		},
	}
	a.flags(cmd)
	a.completeMachine(cmd, nil)
	cmd.Flags().BoolVar(&local, "local", false, "take what the first node knows; it may be stale")
	return cmd
}

func proposeCommand() *cobra.Command {
	var a clientFlags
	var expect int64
	var id string
	cmd := &cobra.Command{
		Use:   "propose KEY STATE",
		Short: "Request a transition of a machine",
		Long: `Request a transition of a machine, as in: lockstep propose lifecycle/web-1 Running

Exit codes: 2 the id of another operation, 5 rejected (no effect), 6 outcome
unknown (it may have taken effect), 9 unavailable: no node, or no majority, responds
(no effect). After 6, send it again with the same --operation, or do what the
answer says: it takes effect at most once.`,
		Args: cli.Exactly(2, "a machine and a state"),
		RunE: func(cmd *cobra.Command, args []string) error {
			op := session.Operation{ID: node.OpID(id), Kind: node.Propose, Key: args[0], To: args[1]}
			if cmd.Flags().Changed("expect-version") {
				if expect < 0 {
					return fmt.Errorf("--expect-version %d: want 0 or more", expect)
				}
				op.Expects, op.Expect = true, uint64(expect)
			}
			if cmd.Flags().Changed("operation") {
				if err := checkOperation(id, args[0]); err != nil {
					return err
				}
			}
			return a.doOperation(cmd, op)
		},
	}
	a.flags(cmd)
	a.completeMachine(cmd, completer.next)
	cmd.Flags().Int64Var(&expect, "expect-version", 0, "only if the machine is at this version")
	cmd.Flags().StringVar(&id, "operation", "", "id of the operation, to send it again after an unknown outcome (default: a new one)")
	return cmd
}

// checkOperation returns an error if id is no valid operation id for a machine.
func checkOperation(id, key string) error {
	name := node.OpID(id).Name()
	if err := fsm.CheckName("operation", name); err != nil || len(id) > node.MaxOpID || node.OpID(id).IsOnce() {
		return fmt.Errorf("--operation %q: want 1 to %d letters, digits or . _ -, the first of them no -, or an id that was issued", id, node.MaxOpID)
	}
	if _, err := node.OpID(id).Watermark(key); err != nil {
		return fmt.Errorf("--operation: %w", err)
	}
	return nil
}

// outcomeJSON is the JSON form of an outcome.
type outcomeJSON struct {
	Key       string  `json:"key"`
	Outcome   string  `json:"outcome"` // committed, rejected, unavailable or unknown
	State     string  `json:"state,omitempty"`
	Version   *uint64 `json:"version,omitempty"`
	Operation string  `json:"operation,omitempty"`
	Code      string  `json:"code,omitempty"`
	Text      string  `json:"text,omitempty"`
}

func (a *clientFlags) doOperation(cmd *cobra.Command, op session.Operation) error {
	if _, _, err := fsm.SplitKey(op.Key); err != nil {
		return err
	}
	c, err := a.newClient()
	if err != nil {
		return err
	}
	defer c.Close()
	op.Name = c.NewName()
	r, err := c.Do(cmd.Context(), op)
	if err != nil && cmd.Context().Err() == nil {
		return err
	}
	return a.finish(cmd, op, advise(cmd.Context(), c, op, r), "")
}

// finish prints an outcome and turns it into an exit code. If the operation was
// carried out and done is not empty, it prints done instead.
func (a *clientFlags) finish(cmd *cobra.Command, op session.Operation, r client.Result, done string) error {
	committed := r.Outcome == node.Committed
	if op.Kind == node.Propose && committed {
		cli.BeginAnswer(cmd, "committed as operation "+string(r.Operation))
	} else if op.Kind == node.Propose {
		cli.BeginAnswer(cmd, "")
	}
	if done != "" && committed && !cli.AsJSON(cmd) {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), printable.String(done))
		return err
	}
	if err := printOutcome(cmd, op, r); err != nil && committed {
		return err // else the code tells the outcome all the same
	}
	switch {
	case r.Reason == node.IDConflict && r.Outcome == node.Rejected:
		return &cli.Error{Code: cli.Usage}
	case r.Unavailable() && (r.Reason == node.Unreachable || unansweredAdvice(r.Text) != noCluster):
		return &cli.Error{Code: cli.Unreachable, Text: unansweredAdvice(r.Text), Printed: true}
	case r.Unavailable():
		return &cli.Error{Code: cli.Unreachable}
	case r.Outcome == node.Rejected:
		return &cli.Error{Code: cli.Rejected}
	case r.Outcome == node.Unknown:
		return &cli.Error{Code: cli.Unknown}
	}
	return nil
}

func printOutcome(cmd *cobra.Command, op session.Operation, r client.Result) error {
	out := cmd.OutOrStdout()
	j := outcomeJSON{Key: op.Key, Outcome: r.Outcome.String(), State: r.State, Code: string(r.Reason), Text: r.Text}
	if r.Known {
		j.Version = &r.Version
	}
	if op.Kind == node.Propose {
		j.Operation = string(r.Operation)
	}
	if r.Reason == node.IDConflict && r.Outcome == node.Rejected {
		j.Outcome = string(node.IDConflict)
	}
	if r.Unavailable() {
		j.Outcome = "unavailable"
	}
	if cli.AsJSON(cmd) {
		return json.NewEncoder(out).Encode(j)
	}
	if r.Outcome == node.Committed {
		_, err := fmt.Fprintf(out, "%s %s v%d\n", op.Key, printable.String(stateText(op.Key, r.State)), r.Version)
		return err
	}
	text := fmt.Sprintf("%s: %s", j.Outcome, j.Code)
	if j.Text != "" {
		text += ": " + printable.String(j.Text)
	}
	if r.Outcome == node.Unknown && op.Kind == node.Propose {
		text += "\n" + remedy(op.Key, r)
	}
	_, err := fmt.Fprintln(out, text)
	return err
}

// remedy returns the advice for an unknown outcome.
func remedy(key string, r client.Result) string {
	if r.Reason == node.WindowExpired || r.Reason == node.WatermarkAhead {
		return fmt.Sprintf("it may have taken effect, and sending it again will not show: see lockstep get %s; then send it with --expect-version, or without --operation to have it carried out now", key)
	}
	return "it may have taken effect; send it again with --operation " + string(r.Operation)
}

func statusCommand() *cobra.Command {
	var a clientFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the status of each node",
		Long: `Show the status of each node, and the versions of all members: as the nodes say of
themselves, or others of those that do not answer. A node that is of an earlier version,
or was not met by any, is of an unknown version.`,
		Args: cli.Exactly(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.status(cmd) },

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	a.flags(cmd)
	return cmd
}

// nodeStatus is the status response of an endpoint, or an error.
type nodeStatus struct {
	Endpoint string          `json:"endpoint"`
	Error    string          `json:"error,omitempty"`
	Status   *httpapi.Status `json:"status,omitempty"`
}

func (a *clientFlags) status(cmd *cobra.Command) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), min(a.timeout, statusTimeout))
	defer cancel()
	all := make([]nodeStatus, len(a.endpointList()))
	var nodes sync.WaitGroup
	for i, endpoint := range a.endpointList() {
		nodes.Go(func() {
			all[i].Endpoint = endpoint
			if st, err := c.Status(ctx, endpoint); err != nil {
				all[i].Error = err.Error()
			} else {
				all[i].Status = &st
			}
		})
	}
	nodes.Wait()
	if err := printStatus(cmd, all); err != nil {
		return err
	}
	text := "no node is ready; " + unansweredAdvice(all[0].Error)
	for _, r := range all {
		switch {
		case r.Status == nil:
		case r.Status.Ready:
			return nil
		default:
			text = "no node is ready" // and there are nodes
		}
	}
	return &cli.Error{Code: cli.Unreachable, Text: text, Printed: true}
}

// statusTimeout is the time that a node has to report its status. A slower node is
// not well, and that is a result, too.
const statusTimeout = 2 * time.Second

// remark describes everything unusual about a node, and about its peers as it sees
// them.
func remark(st *httpapi.Status) string {
	var all []string
	if st.Stage == member.Bound.String() { // for the other stages the reason covers it
		all = append(all, "bound to the cluster "+st.Formed)
	}
	if st.Reason != "" {
		all = append(all, st.Reason)
	}
	if st.Change != "" {
		all = append(all, st.Change)
	}
	for _, p := range st.Peers {
		if p.Up && p.Error != "" && !strings.Contains(st.Reason, p.Error) {
			all = append(all, fmt.Sprintf("node %d is refused: %s", p.Node, p.Error))
		}
	}
	for _, q := range st.Quotas {
		if q.Used >= q.Limit-q.Limit/5 { // four fifths, from which on the node tells it too
			all = append(all, fmt.Sprintf("quota of %s: %d of %d are used", q.Name, q.Used, q.Limit))
		}
	}
	return strings.Join(all, "; ")
}

func printStatus(cmd *cobra.Command, all []nodeStatus) error {
	out := cmd.OutOrStdout()
	if cli.AsJSON(cmd) {
		return json.NewEncoder(out).Encode(all)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ENDPOINT\tNODE\tREADY\tBOOT\tVERSION\tPEERS UP\tMACHINES\tWATCHERS\tROUNDS\tREMARK")
	for _, r := range all {
		if r.Status == nil {
			fmt.Fprintf(w, "%s\t-\tno\t-\t-\t-\t-\t-\t-\t%s\n", r.Endpoint, printable.String(r.Error))
			continue
		}
		st, up := r.Status, 0
		for _, p := range st.Peers {
			if p.Up {
				up++
			}
		}
		ready := "no"
		if st.Ready {
			ready = "yes"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%s\t%d/%d\t%d\t%d\t%d\t%s\n", r.Endpoint, st.Node, ready, st.Boot, shortBuild(st.Build), up, len(st.Peers), st.Machines, st.Watchers, st.Commits, printable.String(remark(st)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if text := cmp.Or(describeClusters(all), describeBuilds(all)); text != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), text)
	}
	return nil
}
