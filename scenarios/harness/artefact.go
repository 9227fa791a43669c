package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/spf13/cobra"
)

// planAndArtefact returns the plan to run and the artefact with its expected
// verdict, or nil if nothing is expected.
func (r *replay) planAndArtefact(cmd *cobra.Command, arg string) (*scenarios.Plan, *campaign.Artefact, error) {
	if _, err := strconv.ParseUint(arg, 10, 64); err == nil || len(r.plans.setFlags(cmd)) > 0 {
		p, err := r.plans.planOf(cmd, arg)
		return p, r.expected(nil), err
	}
	p, a, err := r.plans.systems.readArtefact(keptPlan(arg), cmd.InOrStdin())
	switch {
	case os.IsNotExist(err):
		return nil, nil, fmt.Errorf("%q is neither a seed, nor a file, nor the directory of a failure: %w", arg, err)
	case errors.Is(err, campaign.ErrArtefact), r.expect != "" && (errors.Is(err, scenarios.ErrPlan) || errors.Is(err, errSystem)):
		return nil, nil, &cli.Error{Code: cli.Inapplicable, Text: err.Error()}
	}
	return p, r.expected(a), err
}

// keptPlan returns the plan in the directory of a failure, shrunk if it was, or name if
// that is no such directory.
func keptPlan(name string) string {
	for _, plan := range []string{"shrunk.json", "plan.json"} {
		file := filepath.Join(name, plan)
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return name
}

// expected returns a with the verdict of --expect, if given, in place of its own.
func (r *replay) expected(a *campaign.Artefact) *campaign.Artefact {
	if r.expect == "" {
		return a
	}
	if a == nil {
		a = &campaign.Artefact{}
	}
	a.Verdict, a.Signature = play.Violated, r.expect
	if r.expect == string(play.Passed) {
		a.Verdict, a.Signature = play.Passed, ""
	}
	return a
}

// expectationJSON is the JSON form of a comparison with the expected verdict.
type expectationJSON struct {
	Verdict   play.Status `json:"verdict"`
	Signature string      `json:"signature,omitempty"`
	Holds     bool        `json:"holds"`
	SameHash  *bool       `json:"same_hash,omitempty"`
	SameUntil uint64      `json:"same_until_event,omitempty"`
	DiffersBy uint64      `json:"differs_by_event,omitempty"`
}

func newExpectationJSON(a *campaign.Artefact, c *campaign.Comparison) *expectationJSON {
	e := &expectationJSON{Verdict: a.Verdict, Signature: a.Signature, Holds: c.Holds}
	if a.Hash == "" {
		return e
	}
	e.SameHash = &c.SameHash
	if !c.SameHash {
		e.SameUntil, e.DiffersBy = c.LastSame, c.FirstDifferent
	}
	return e
}

// saveArtefact writes a plan and its result to a file.
func saveArtefact(ctx context.Context, name string, sys scenarios.System, p *scenarios.Plan) error {
	a, err := campaign.NewArtefact(ctx, sys, p)
	if err != nil {
		return fmt.Errorf("--save: %w", err)
	}
	data, err := campaign.EncodeArtefact(&a)
	if err != nil {
		return fmt.Errorf("--save: %w", err)
	}
	return os.WriteFile(name, data, 0o666)
}

// inspectionJSON is the JSON form of the state at an event.
type inspectionJSON struct {
	System    string             `json:"system"`
	Seed      uint64             `json:"seed"`
	Event     uint64             `json:"event"`
	At        scenarios.Duration `json:"at"`
	Hash      string             `json:"hash"`
	Signature string             `json:"signature,omitempty"` // of the violation that ended the run before that event
	Nodes     []nodeDumpJSON     `json:"nodes,omitempty"`
}

type nodeDumpJSON struct {
	ID   sim.ID `json:"id"`
	Up   bool   `json:"up"`
	Dump string `json:"dump"`
}

// violationEvent returns the number of the last event before the violation of a plan shows,
// or a number that no run reaches.
func (r *replay) violationEvent(ctx context.Context, sys scenarios.System, p *scenarios.Plan) (uint64, error) {
	result, err := play.Run(ctx, sys, p, play.Options{CheckTimeout: r.checkTimeout})
	if err != nil || result.Violation == nil {
		return math.MaxUint64, err
	}
	view := newTraceView(io.Discard, result.Violation)
	_, err = play.Inspect(sys, p, math.MaxUint64, nil, view.line)
	return view.shown, err
}

// runUntil runs the plan until an event and prints the state there.
func (r *replay) runUntil(ctx context.Context, out io.Writer, sys scenarios.System, p *scenarios.Plan, trace func(sim.TraceLine)) error {
	var nodes []sim.ID
	for _, d := range r.dump {
		n, err := strconv.Atoi(strings.TrimPrefix(d, "node="))
		if err != nil || !strings.HasPrefix(d, "node=") || n < 1 || n > p.Nodes {
			return fmt.Errorf("--dump %s: want node=1 to node=%d", d, p.Nodes)
		}
		nodes = append(nodes, scenarios.NodeID(n))
	}
	until := r.until
	if until == 0 {
		var err error
		if until, err = r.violationEvent(ctx, sys, p); err != nil {
			return err
		}
	}
	view := newTraceView(out, nil)
	to := trace
	if r.verbose {
		view.begin(p)
		to = func(l sim.TraceLine) {
			view.line(l)
			if trace != nil {
				trace(l)
			}
		}
	}
	g, err := play.Inspect(sys, p, until, nodes, to)
	if err != nil {
		return err
	}
	if !r.json {
		_, err := io.WriteString(out, g.Text(p))
		return err
	}
	l := inspectionJSON{System: p.System, Seed: p.Seed, Event: g.Event, At: g.At, Hash: fmt.Sprintf("%016x", g.Hash)}
	if g.Violation != nil {
		l.Signature = g.Violation.Signature()
	}
	for _, n := range g.Nodes {
		l.Nodes = append(l.Nodes, nodeDumpJSON(n))
	}
	return json.NewEncoder(out).Encode(l)
}
