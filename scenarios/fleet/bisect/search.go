package bisect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Errors of a search whose ends are not as they are to be.
var (
	ErrGood = errors.New("the good commit is not good")
	ErrBad  = errors.New("the bad commit is not bad")
)

// Search looks for the first commit that shows a failure, by halving the history.
type Search struct {
	Builder   *Builder
	Good      string        // a commit without the failure, any name of it
	Bad       string        // a later one with it
	Plan      string        // file with the plan of the failure
	Signature string        // of the failure; empty: the one that the bad commit shows
	Limit     time.Duration // for one replay; 0: a minute
	Tell      func(Step)    // of each commit that is tried; nil: nothing is told
}

// Outcome is the end of a replay at one commit.
type Outcome string

// The outcomes.
const (
	Shows   Outcome = "shows it"
	Lacks   Outcome = "does not show it"
	Skipped Outcome = "skipped" // it does not build, or cannot judge the plan
)

// Step is a commit that was tried.
type Step struct {
	Commit  string  `json:"commit"`
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"` // why it was skipped
}

// Result is the end of a search.
type Result struct {
	Signature string   `json:"signature"`
	Good      string   `json:"good"`
	Bad       string   `json:"bad"`
	First     string   `json:"first"`              // the first commit that shows the failure, as far as commits could be tried
	Subject   string   `json:"subject"`            // of its message
	Suspects  []string `json:"suspects,omitempty"` // skipped commits right before it: one of them may be the first
	Steps     []Step   `json:"steps"`
	Seconds   float64  `json:"seconds"`
}

// Run searches. The good commit has to lack the failure, and the bad one to show it:
// otherwise the error wraps ErrGood or ErrBad.
func (s *Search) Run(ctx context.Context) (*Result, error) {
	begin := time.Now()
	r := &Result{Signature: s.Signature, Steps: []Step{}}
	_, err := os.Stat(s.Plan) // before programs are built
	if err != nil {
		return nil, fmt.Errorf("the plan of the failure: %w", err)
	}
	if r.Good, err = s.Builder.Commit(ctx, s.Good); err != nil {
		return nil, err
	}
	if r.Bad, err = s.Builder.Commit(ctx, s.Bad); err != nil {
		return nil, err
	}
	commits, err := s.Builder.Between(ctx, r.Good, r.Bad)
	if err != nil {
		return nil, err
	}
	if err := s.tryEnds(ctx, r); err != nil {
		return nil, err
	}
	if err := s.halve(ctx, r, commits); err != nil {
		return nil, err
	}
	r.Subject, err = s.Builder.Subject(ctx, r.First)
	r.Seconds = time.Since(begin).Seconds()
	return r, err
}

// tryEnds tries the bad and the good commit.
func (s *Search) tryEnds(ctx context.Context, r *Result) error {
	if r.Signature == "" {
		var err error
		if r.Signature, err = s.signatureOf(ctx, r.Bad); err != nil {
			return err
		}
	}
	for _, end := range []struct {
		commit string
		want   Outcome
		err    error
	}{{r.Bad, Shows, ErrBad}, {r.Good, Lacks, ErrGood}} {
		step, err := s.try(ctx, r, end.commit)
		if err != nil {
			return err
		}
		if step.Outcome != end.want {
			return fmt.Errorf("%w: with this plan %s %s for %s: %s", end.err, Short(end.commit), step.Outcome, r.Signature, step.Reason)
		}
	}
	return nil
}

// halve tries commits until the first one that shows the failure is next to one that does
// not, or only skipped ones are between them.
func (s *Search) halve(ctx context.Context, r *Result, commits []string) error {
	skipped := map[int]bool{}
	lacks, shows := -1, len(commits)-1
	for {
		at, ok := middle(lacks, shows, skipped)
		if !ok {
			break
		}
		step, err := s.try(ctx, r, commits[at])
		if err != nil {
			return err
		}
		switch step.Outcome {
		case Shows:
			shows = at
		case Lacks:
			lacks = at
		default:
			skipped[at] = true
		}
	}
	r.First, r.Suspects = commits[shows], commits[lacks+1:shows]
	return nil
}

// middle returns the place between two others that is nearest to their middle and was not
// skipped; ok is false if there is none.
func middle(low, high int, skipped map[int]bool) (at int, ok bool) {
	m := (low + high) / 2
	for d := 0; m-d > low || m+d < high; d++ {
		for _, at := range []int{m - d, m + d} {
			if at > low && at < high && !skipped[at] {
				return at, true
			}
		}
	}
	return 0, false
}

func (s *Search) try(ctx context.Context, r *Result, commit string) (Step, error) {
	step := Step{Commit: commit}
	path, err := s.Builder.Build(ctx, commit)
	switch {
	case errors.Is(err, ErrBuild):
		step.Outcome, step.Reason = Skipped, err.Error()
	case err != nil:
		return step, err
	default:
		if step.Outcome, step.Reason, err = s.replay(ctx, path, r.Signature); err != nil {
			return step, err
		}
	}
	r.Steps = append(r.Steps, step)
	if s.Tell != nil {
		s.Tell(step)
	}
	return step, nil
}

// Text tells of the result in a few lines.
func (r *Result) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s came with commit %s: %s\n", r.Signature, r.First, r.Subject)
	for _, commit := range r.Suspects {
		fmt.Fprintf(&b, "or with %s, right before, which was skipped\n", commit)
	}
	fmt.Fprintf(&b, "%s shows it, %s does not; %d commits were tried in %.1f s\n", Short(r.Bad), Short(r.Good), len(r.Steps), r.Seconds)
	for _, step := range r.Steps {
		if step.Outcome == Skipped {
			fmt.Fprintf(&b, "%s was skipped: %s\n", Short(step.Commit), step.Reason)
		}
	}
	return b.String()
}
