package bisect

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
)

// replay replays the plan with the program of a commit, and expects the failure.
func (s *Search) replay(ctx context.Context, program, signature string) (Outcome, string, error) {
	_, said, code, err := s.exec(ctx, program, "--expect", signature)
	if err != nil {
		return "", "", err
	}
	switch code {
	case int(cli.OK):
		return Shows, "", nil
	case int(cli.Violated): // it passes, or shows another failure
		return Lacks, "", nil
	case int(cli.Undecided):
		return Skipped, "the check of its history gave up", nil
	case int(cli.Inapplicable):
		return Skipped, "the plan is not one of this build: " + said, nil
	case timedOut:
		return Skipped, fmt.Sprintf("the replay did not end within %v", s.limit()), nil
	}
	return Skipped, fmt.Sprintf("replay ended with code %d: %s", code, said), nil
}

// signatureOf returns the signature of the failure that a commit shows.
func (s *Search) signatureOf(ctx context.Context, commit string) (string, error) {
	program, err := s.Builder.Build(ctx, commit)
	if err != nil {
		return "", fmt.Errorf("%s: %w", Short(commit), err)
	}
	out, said, code, err := s.exec(ctx, program, "--json")
	if err != nil {
		return "", err
	}
	var result struct{ Signature string }
	if code != int(cli.Violated) || json.Unmarshal(out, &result) != nil || result.Signature == "" {
		return "", fmt.Errorf("%w: the plan shows no failure at %s (code %d): %s", ErrBad, Short(commit), code, said)
	}
	return result.Signature, nil
}

// timedOut stands for the exit code of a program that was ended.
const timedOut = -1

func (s *Search) limit() time.Duration { return cmp.Or(s.Limit, time.Minute) }

// exec runs replay to its end.
func (s *Search) exec(ctx context.Context, program string, flags ...string) (out []byte, said string, code int, err error) {
	plan, err := filepath.Abs(s.Plan)
	if err != nil {
		return nil, "", 0, err
	}
	bounded, cancel := context.WithTimeout(ctx, s.limit())
	defer cancel()
	cmd := exec.CommandContext(bounded, program, append([]string{"replay", plan}, flags...)...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = s.Builder.dir, &stdout, &stderr, time.Second
	err = cmd.Run()
	text := bytes.TrimSpace(stderr.Bytes())
	said = string(text[:min(len(text), maxSaid)])
	exit := (*exec.ExitError)(nil)
	switch {
	case ctx.Err() != nil:
		return nil, "", 0, ctx.Err()
	case bounded.Err() != nil:
		return nil, said, timedOut, nil
	case err != nil && !errors.As(err, &exit):
		return nil, "", 0, err
	}
	return stdout.Bytes(), said, cmd.ProcessState.ExitCode(), nil
}
