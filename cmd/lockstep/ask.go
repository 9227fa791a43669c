package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/spf13/cobra"
)

// asking is the flags of commands that ask a running cluster.
type asking struct {
	endpoints string
	output    string
	timeout   time.Duration
}

func (a *asking) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.endpoints, "endpoints", "127.0.0.1:8001,127.0.0.1:8002,127.0.0.1:8003", "HTTP addresses of the nodes, in the order of their ids")
	f.StringVarP(&a.output, "output", "o", "text", "form of the answer: text or json")
	f.DurationVar(&a.timeout, "timeout", 10*time.Second, "give up after this")
	complete(cmd, "output", func() []string { return []string{"text", "json"} })
}

func (a *asking) list() []string {
	var list []string
	for _, e := range strings.Split(a.endpoints, ",") {
		if e = strings.TrimSpace(e); e != "" {
			list = append(list, e)
		}
	}
	return list
}

func (a *asking) validate() error {
	if a.output != "text" && a.output != "json" {
		return fmt.Errorf("--output %q: want text or json", a.output)
	}
	if a.timeout <= 0 {
		return fmt.Errorf("--timeout %v: want more than 0", a.timeout)
	}
	return nil
}

func (a *asking) client() (*client.Client, error) {
	if err := a.validate(); err != nil {
		return nil, err
	}
	c, err := client.New(client.Config{Endpoints: a.list(), Attempt: min(3*time.Second, a.timeout), Deadline: a.timeout})
	if err != nil {
		return nil, fmt.Errorf("--endpoints: %w", err)
	}
	return c, nil
}

func getCommand() *cobra.Command {
	var a asking
	var local bool
	cmd := &cobra.Command{
		Use:   "get KEY",
		Short: "Read a machine",
		Long:  "Read a machine, as in lifecycle/web-1. The answer is linearizable unless --local is given.",
		Args:  exactly(1, "a machine, as in lifecycle/web-1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := node.Read
			if local {
				kind = node.ReadLocal
			}
			return a.do(cmd, session.Operation{Kind: kind, Key: args[0]})
		},
	}
	a.flags(cmd)
	cmd.Flags().BoolVar(&local, "local", false, "take what the first node knows; it may be stale")
	return cmd
}

func proposeCommand() *cobra.Command {
	var a asking
	var expect int64
	var id string
	cmd := &cobra.Command{
		Use:   "propose KEY STATE",
		Short: "Ask for a transition of a machine",
		Long: `Ask for a transition of a machine, as in: lockstep propose lifecycle/web-1 Running

Exit codes: 2 the id of another operation, 5 rejected (no effect), 6 outcome
unknown (it may have taken effect). After 6, ask again with the same
--operation, or do what the answer says: it takes effect at most once.`,
		Args: exactly(2, "a machine and a state"),
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
			return a.do(cmd, op)
		},
	}
	a.flags(cmd)
	cmd.Flags().Int64Var(&expect, "expect-version", 0, "only if the machine is at this version")
	cmd.Flags().StringVar(&id, "operation", "", "id of the operation, to ask again after an unknown outcome (default: a new one)")
	return cmd
}

// checkOperation refuses what is no id for an operation on a machine.
func checkOperation(id, key string) error {
	name := node.OpID(id).Name()
	if err := fsm.CheckName("operation", name); err != nil || len(id) > node.MaxOpID || node.OpID(id).IsOnce() {
		return fmt.Errorf("--operation %q: want 1 to %d letters, digits or . _ -, the first of them no -, or an id as it was told", id, node.MaxOpID)
	}
	if _, err := node.OpID(id).Base(key); err != nil {
		return fmt.Errorf("--operation: %w", err)
	}
	return nil
}

// asked is the JSON form of an outcome.
type asked struct {
	Key       string  `json:"key"`
	Outcome   string  `json:"outcome"`
	State     string  `json:"state,omitempty"`
	Version   *uint64 `json:"version,omitempty"`
	Operation string  `json:"operation,omitempty"`
	Code      string  `json:"code,omitempty"`
	Text      string  `json:"text,omitempty"`
}

func (a *asking) do(cmd *cobra.Command, op session.Operation) error {
	if _, _, err := fsm.SplitKey(op.Key); err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	op.Name = c.NewName()
	r, err := c.Do(cmd.Context(), op)
	if err != nil && cmd.Context().Err() == nil {
		return err
	}
	return a.conclude(cmd, op, r, "")
}

// conclude prints an outcome, or done in its place if that is not empty and the
// operation was carried out, and turns it into an exit code.
func (a *asking) conclude(cmd *cobra.Command, op session.Operation, r client.Result, done string) error {
	if done != "" && r.Outcome == node.Committed && a.output == "text" {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), done)
		return err
	}
	if err := a.print(cmd.OutOrStdout(), op, r); err != nil {
		return err
	}
	switch {
	case r.Reason == node.Conflict:
		return &failure{exitUsage, ""}
	case r.Outcome == node.Rejected:
		return &failure{exitRejected, ""}
	case r.Outcome == node.Unknown:
		return &failure{exitUnknown, ""}
	}
	return nil
}

func (a *asking) print(out io.Writer, op session.Operation, r client.Result) error {
	j := asked{Key: op.Key, Outcome: r.Outcome.String(), State: r.State, Code: string(r.Reason), Text: r.Text}
	if r.Known {
		j.Version = &r.Version
	}
	if op.Kind == node.Propose {
		j.Operation = string(r.Operation)
	}
	if r.Reason == node.Conflict {
		j.Outcome = string(node.Conflict)
	}
	if a.output == "json" {
		return json.NewEncoder(out).Encode(j)
	}
	if r.Outcome == node.Committed {
		_, err := fmt.Fprintf(out, "%s %s v%d\n", op.Key, r.State, r.Version)
		return err
	}
	text := fmt.Sprintf("%s: %s", j.Outcome, j.Code)
	if j.Text != "" {
		text += ": " + j.Text
	}
	if r.Outcome == node.Unknown && op.Kind == node.Propose {
		text += "\n" + remedy(op.Key, r)
	}
	_, err := fmt.Fprintln(out, text)
	return err
}

// remedy is what to do when it is unknown whether an operation has taken effect.
func remedy(key string, r client.Result) string {
	if r.Reason == node.Forgotten || r.Reason == node.BaseAhead {
		return fmt.Sprintf("it may have taken effect, and to ask again will not tell: see lockstep get %s; then ask with --expect-version, or without --operation if it is to be carried out now", key)
	}
	return "it may have taken effect; ask again with --operation " + string(r.Operation)
}

func statusCommand() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what each node says of itself",
		Args:  exactly(0, "flags only"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.status(cmd) },
	}
	a.flags(cmd)
	return cmd
}

// reported is what an endpoint answered, or why it did not.
type reported struct {
	Endpoint string         `json:"endpoint"`
	Error    string         `json:"error,omitempty"`
	Status   *server.Status `json:"status,omitempty"`
}

func (a *asking) status(cmd *cobra.Command) error {
	if err := a.validate(); err != nil {
		return err
	}
	if len(a.list()) == 0 {
		return errors.New("--endpoints: want at least one")
	}
	var all []reported
	for _, e := range a.list() {
		r := reported{Endpoint: e}
		st, err := fetchStatus(e, a.timeout)
		if err != nil {
			r.Error = err.Error()
		} else {
			r.Status = st
		}
		all = append(all, r)
	}
	if err := printStatus(cmd.OutOrStdout(), all, a.output); err != nil {
		return err
	}
	for _, r := range all {
		if r.Status != nil && r.Status.Ready {
			return nil
		}
	}
	return &failure{exitUnknown, "no node is ready"}
}

func fetchStatus(endpoint string, timeout time.Duration) (*server.Status, error) {
	var st server.Status
	if err := fetch(endpoint, "/v1/status", timeout, 1<<20, &st); err != nil {
		return nil, err
	}
	return &st, nil
}

// fetch gets an answer in JSON, of so many bytes at most, from one node.
func fetch(endpoint, path string, timeout time.Duration, most int64, answer any) error {
	c := http.Client{Timeout: timeout}
	resp, err := c.Get("http://" + endpoint + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, most)).Decode(answer); err != nil {
		return fmt.Errorf("not the answer of a node: %w", err)
	}
	return nil
}

// remark is what is out of the ordinary with a node, or with another as it sees it.
func remark(st *server.Status) string {
	var all []string
	if st.Stage != "" && st.Stage != "formed" {
		all = append(all, "cluster "+st.Stage)
	}
	if st.Reason != "" {
		all = append(all, st.Reason)
	}
	for _, p := range st.Peers {
		if p.Up && p.Error != "" && !strings.Contains(st.Reason, p.Error) {
			all = append(all, fmt.Sprintf("node %d is refused: %s", p.Node, p.Error))
		}
	}
	return strings.Join(all, "; ")
}

func printStatus(out io.Writer, all []reported, form string) error {
	if form == "json" {
		return json.NewEncoder(out).Encode(all)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ENDPOINT\tNODE\tREADY\tBOOT\tPEERS UP\tMACHINES\tWATCHERS\tROUNDS\tREMARK")
	for _, r := range all {
		if r.Status == nil {
			fmt.Fprintf(w, "%s\t-\tno\t-\t-\t-\t-\t-\t%s\n", r.Endpoint, r.Error)
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
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%d/%d\t%d\t%d\t%d\t%s\n", r.Endpoint, st.Node, ready, st.Boot, up, len(st.Peers), st.Machines, st.Watchers, st.Commits, remark(st))
	}
	return w.Flush()
}
