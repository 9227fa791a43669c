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

// replay replays the plan with the program of a commit. Only a verdict counts: an exit code may
// be that of a program which did not come so far.
func (s *Search) replay(ctx context.Context, program, signature string) (Outcome, string, error) {
	out, said, code, err := s.exec(ctx, program, "--json", "--expect", signature)
	if err != nil {
		return "", "", err
	}
	v := verdictIn(out)
	switch {
	case code == timedOut:
		return Skipped, fmt.Sprintf("the replay did not end within %v", s.limit()), nil
	case code == int(cli.Inapplicable):
		return Skipped, "the plan is not one of this build: " + said, nil
	case v.Verdict == "undecided":
		return Skipped, "the check of its history gave up", nil
	case code == int(cli.OK) && v.Verdict == "violated" && v.Signature == signature:
		return Shows, "", nil
	case code == int(cli.Violated) && (v.Verdict == "passed" || v.Verdict == "violated" && v.Signature != signature):
		return Lacks, "", nil
	}
	return Skipped, fmt.Sprintf("replay ended without a verdict, with code %d: %s", code, said), nil
}

// verdict is the output of a replay with --json, as far as it is read here.
type verdict struct{ Verdict, Signature string }

// verdictIn returns the verdict in the output of a replay, its last line: the program may print
// whatever it likes before.
func verdictIn(out []byte) (v verdict) {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if json.Unmarshal(lines[len(lines)-1], &v) != nil {
		return verdict{}
	}
	return v
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
	v := verdictIn(out)
	if code != int(cli.Violated) || v.Signature == "" {
		return "", fmt.Errorf("%w: the plan shows no failure at %s (code %d): %s", ErrBad, Short(commit), code, said)
	}
	return v.Signature, nil
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
	stdout, stderr := lastBytes{limit: maxVerdict}, firstBytes{limit: maxSaid}
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = s.Builder.dir, &stdout, &stderr, waitDelay
	err = cmd.Run()
	said = string(bytes.TrimSpace(stderr.data))
	exit := (*exec.ExitError)(nil)
	switch {
	case ctx.Err() != nil:
		return nil, "", 0, ctx.Err()
	case bounded.Err() != nil:
		return nil, said, timedOut, nil
	case err != nil && !errors.As(err, &exit):
		return nil, "", 0, err
	}
	return stdout.data, said, cmd.ProcessState.ExitCode(), nil
}
