package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/bisect"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

type status struct {
	connection
	wait  bool
	state string
}

func statusCommand() *cobra.Command {
	var s status
	cmd := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Tell how the campaigns of a fleet are",
		Long: `Tell how the campaigns of a fleet are, and its workers; or how one campaign is. When all its
ranges are done, and what is to be repeated, its last line is the verdict, and the exit code
is that of fuzz.

With --state the ranges that are done from the first on are kept as the state of one
campaign: fuzz --state goes on from it, fuzz merge tells all that it has shown, and serve
--state shows it.`,
		Args: cli.AtMost(1, "the name of a campaign"),
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd, args) },
	}
	s.register(cmd, defaultNATS)
	cmd.Flags().BoolVar(&s.wait, "wait", false, "wait until the campaign is done, its failures repeated")
	cmd.Flags().StringVar(&s.state, "state", "", "keep the state of the campaign in this file")
	return cmd
}

func (s *status) run(cmd *cobra.Command, args []string) error {
	err := s.ask(cmd, args)
	if len(args) > 0 && cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted: the campaign goes on, and lockstep fleet status %s --wait waits for it again", args[0])
	}
	return err
}

func (s *status) ask(cmd *cobra.Command, args []string) error {
	if len(args) == 0 && (s.wait || s.state != "") {
		return fmt.Errorf("--wait, --state: want the name of a campaign")
	}
	q, end, err := s.open(cmd.Context(), "status")
	if err != nil {
		return err
	}
	defer end()
	if len(args) == 0 {
		return s.all(cmd, q)
	}
	c, err := named(cmd.Context(), q, args[0])
	if err != nil {
		return err
	}
	return s.one(cmd, q, c)
}

// errNone is wrapped by the error about a name that no campaign has.
var errNone = errors.New("the fleet has none of this name")

func named(ctx context.Context, q fleet.Queue, name string) (*fleet.Campaign, error) {
	all, err := q.Campaigns(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(c *fleet.Campaign) bool { return c.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("campaign %q: %w: fleet status lists them", name, errNone)
	}
	return all[i], nil
}

// all tells of all campaigns and workers.
func (s *status) all(cmd *cobra.Command, q fleet.Queue) error {
	campaigns, err := q.Campaigns(cmd.Context())
	if err != nil {
		return err
	}
	workers, err := q.Workers(cmd.Context())
	if err != nil {
		return err
	}
	reports, failed := readAll(cmd.Context(), q, campaigns)
	if cli.AsJSON(cmd) {
		return errors.Join(json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"campaigns": reports, "workers": append([]*fleet.WorkerStatus{}, workers...)}), failed)
	}
	out := cmd.OutOrStdout()
	for _, r := range reports {
		fmt.Fprintln(out, line(r))
	}
	for _, w := range workers {
		fmt.Fprintf(out, "worker %s, build %s: %s; %d seeds since %s\n", w.Name, w.Build, w.Now, w.Seeds, w.Since.Format(time.DateTime))
	}
	if len(campaigns)+len(workers) == 0 {
		fmt.Fprintln(out, "the fleet has no campaigns and no workers")
	}
	return failed
}

// readAll reads the campaigns that can be read, and returns the errors of the others.
func readAll(ctx context.Context, q fleet.Queue, campaigns []*fleet.Campaign) ([]*fleet.Report, error) {
	reports, errs := []*fleet.Report{}, []error(nil)
	for _, c := range campaigns {
		r, err := fleet.Read(ctx, q, c)
		switch {
		case err == nil:
			reports = append(reports, r)
		case !errors.Is(err, fleet.ErrRemoved):
			errs = append(errs, fmt.Errorf("campaign %s cannot be read: %w: remove it, and submit it again", c.Name, err))
		}
	}
	return reports, errors.Join(errs...)
}

// waitInterval is the time between two looks at a campaign that is waited for.
const waitInterval = 500 * time.Millisecond

func (s *status) one(cmd *cobra.Command, q fleet.Queue, c *fleet.Campaign) error {
	r, err := fleet.Read(cmd.Context(), q, c)
	for err == nil && s.wait && !r.Settled() {
		select {
		case <-cmd.Context().Done():
			return cmd.Context().Err()
		case <-time.After(waitInterval):
		}
		if err = fleet.Await(cmd.Context(), q, c, waitInterval); err == nil {
			r, err = fleet.Read(cmd.Context(), q, c)
		}
	}
	if err != nil {
		return err
	}
	if s.state != "" {
		if err := r.WriteState(s.state); err != nil {
			return fmt.Errorf("--state: %w", err)
		}
	}
	if cli.AsJSON(cmd) {
		err = json.NewEncoder(cmd.OutOrStdout()).Encode(r)
	} else {
		tell(cmd.OutOrStdout(), r)
	}
	if err != nil {
		return err
	}
	return exit(r)
}

// line tells of a campaign in a line.
func line(r *fleet.Report) string {
	text := fmt.Sprintf("campaign %s: %d of %d seeds, %d failed", r.Name, r.Seeds, r.Total, r.Failed)
	if r.Undecided > 0 {
		text += fmt.Sprintf(", %d undecided", r.Undecided)
	}
	if r.Verdict == fleet.Running {
		text += fmt.Sprintf("; %d ranges wait, %d are at work", r.Left.Waiting, r.Left.Leased)
		if again := r.Triage.Waiting + r.Triage.Leased + r.Repeat.Waiting + r.Repeat.Leased; again > 0 {
			text += fmt.Sprintf("; %d failures and ranges are to be repeated", again)
		}
	} else {
		text += "; " + word(r.Verdict)
	}
	if r.Lost > 0 {
		text += fmt.Sprintf("; %d jobs are neither done nor in the queue: fleet serve adds them, or submit it again", r.Lost)
	}
	return text
}

func word(v fleet.Verdict) string { return strings.ToUpper(strings.ReplaceAll(string(v), "-", " ")) }

// tell tells all of a campaign; the last line is its verdict.
func tell(out io.Writer, r *fleet.Report) {
	build := r.Build
	if r.Commit != "" {
		build += " of commit " + bisect.Short(r.Commit)
	}
	fmt.Fprintf(out, "system %s, profile %s, build %s, seeds from %d on\n", r.System, r.Profile, build, r.First)
	for _, f := range r.Findings {
		fmt.Fprintf(out, "%s: %d seeds, the first %d%s\n", f.Signature, f.Count, f.First, triage(f.Triage))
	}
	for _, i := range r.Conflicts {
		fmt.Fprintf(out, "range %d ran in two ways on two workers: see docs/DETERMINISM.md\n", i)
	}
	for _, t := range r.Troubles {
		fmt.Fprintf(out, "range %d has no result (worker %s): %s\n", t.Range, t.Worker, t.Text)
	}
	if r.Hash != "" {
		fmt.Fprintf(out, "hash of all runs: %s\n", r.Hash)
	}
	fmt.Fprintln(out, line(r))
}

func triage(t *fleet.TriageResult) string {
	switch {
	case t == nil:
		return "; not repeated yet"
	case t.Trouble != "":
		return fmt.Sprintf("; worker %s could not repeat it: %s", t.Worker, t.Trouble)
	case !t.Confirmed:
		return fmt.Sprintf("; on worker %s seed %d ran in another way: see docs/DETERMINISM.md", t.Worker, t.Job.Seed)
	case t.Worker == t.Job.Finder:
		return "; repeated, by the same worker, since no other was free"
	}
	return "; repeated by worker " + t.Worker
}

// exit returns the exit code of a campaign.
func exit(r *fleet.Report) error {
	switch r.Verdict {
	case fleet.HarnessFault:
		return &cli.Error{Code: cli.Harness, Text: "harness fault: runs of one seed differed, or a range has no result; nothing else can be relied on"}
	case fleet.Failed:
		return &cli.Error{Code: cli.Violated}
	case fleet.Undecided:
		return &cli.Error{Code: cli.Undecided}
	}
	return nil
}
