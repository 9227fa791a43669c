package fleet

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node/input"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
)

// ErrProgram is wrapped by errors about the program that runs seeds.
var ErrProgram = errors.New("the program did not run the seeds")

// Program is a command made by harness.Main, which runs the seeds of a campaign in
// processes of its own.
type Program struct {
	Path    string
	Build   string
	Hash    string        // SHA-256 of its file
	Workers int           // runs at the same time; 0: one per core
	Limit   time.Duration // for the seeds of one range; 0: an hour
}

// errLimit is the error about a process that takes too long.
var errLimit = errors.New("the program took longer than it may: does it hang?")

// OpenProgram returns the program in a file.
func OpenProgram(path string, workers int) (*Program, error) {
	full, err := exec.LookPath(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: want the file of a command made by harness.Main, as lockstep is", path, err)
	}
	if full, err = filepath.Abs(full); err != nil {
		return nil, err
	}
	f, err := os.Open(full)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, fmt.Errorf("%s: %w", full, err)
	}
	hash := fmt.Sprintf("%x", h.Sum(nil))
	return &Program{Path: full, Build: BuildOf(hash), Hash: hash, Workers: workers}, nil
}

// BuildOf returns the build of a program by its hash, as cli.BuildID has it.
func BuildOf(hash string) string { return hash[:16] }

// put puts the program into a queue.
func (p *Program) put(ctx context.Context, q Queue) error {
	f, err := os.Open(p.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() > MaxProgram {
		return errors.Join(err, fmt.Errorf("%s: want a program of at most %d MB: build it with -ldflags=-s", p.Path, MaxProgram>>20))
	}
	return q.PutProgram(ctx, p.Hash, f)
}

// seedRun is the files that a process has left of its seeds.
type seedRun struct {
	State []byte
	Dir   string // with its failures
}

// executor runs the program of a worker with arguments, in a directory, until it has a
// verdict, and returns the end of what it said of errors.
type executor func(ctx context.Context, dir string, args []string) (string, error)

// run runs seeds of a campaign in an empty directory. The state is checked.
func (p *Program) run(ctx context.Context, exec executor, dir string, c *Campaign, first, seeds uint64, shrink bool) (*seedRun, *campaign.Part, error) {
	state, failures := filepath.Join(dir, "state.json"), filepath.Join(dir, "failures")
	args := append([]string{"fuzz"}, c.Plans.flags()...)
	args = append(args,
		"--start", strconv.FormatUint(first, 10), "--seeds", strconv.FormatUint(seeds, 10), "--guard", strconv.Itoa(c.Guard),
		"--check-timeout", c.CheckTimeout.String(), "--workers", strconv.Itoa(p.Workers), "--trail", "--state", state, "--out", failures, "--json",
		"--no-shrink="+strconv.FormatBool(!shrink))
	limit := cmp.Or(p.Limit, time.Hour)
	bounded, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w: %w (%v)", ErrProgram, errLimit, limit))
	defer cancel()
	said, err := exec(bounded, dir, args)
	if err != nil {
		return nil, nil, err
	}
	data, err := input.ReadFile(state, MaxResult)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrProgram, err)
	}
	part, err := c.Accept(data, first, seeds)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w: %s", ErrProgram, err, said)
	}
	return &seedRun{data, failures}, part, nil
}

// flags returns the flags of fuzz.
func (p *Plans) flags() (flags []string) {
	add := func(name, value string) {
		if value != "" && value != "0" {
			flags = append(flags, "--"+name, value)
		}
	}
	add("system", p.System)
	add("profile", p.Profile)
	add("with", strings.Join(p.With, ","))
	add("without", strings.Join(p.Without, ","))
	add("nodes", strconv.Itoa(p.Nodes))
	add("clients", strconv.Itoa(p.Clients))
	add("ops", strconv.Itoa(p.Ops))
	add("machines", strconv.Itoa(p.Machines))
	add("aimed", strconv.Itoa(p.Aimed))
	return flags
}

// command returns the command that runs the program in a directory. When ctx ends, it is
// asked to end, and is killed ten seconds later.
func (p *Program) command(ctx context.Context, dir string, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.Path, args...)
	cmd.Dir, cmd.WaitDelay, cmd.SysProcAttr = dir, 10*time.Second, endWithParent()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// exec runs the program in a process for it alone.
func (p *Program) exec(ctx context.Context, dir string, args []string) (string, error) {
	cmd := p.command(ctx, dir, args)
	end := &tail{limit: maxTrouble / 2}
	cmd.Stderr = end
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	said := string(bytes.TrimSpace(end.data))
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && hasVerdict(cli.Code(exit.ExitCode())) {
		return said, nil
	}
	switch {
	case err == nil:
		return said, nil
	case cmd.ProcessState == nil: // it was not begun
		return "", fmt.Errorf("%w: %w", errMachine, err)
	}
	return "", fmt.Errorf("%w: %w: %s", ErrProgram, err, said)
}

// hasVerdict reports whether a campaign that ends with an exit code has a verdict. The state
// of one that has none says that it was interrupted.
func hasVerdict(code cli.Code) bool {
	switch code {
	case cli.OK, cli.Violated, cli.Undecided, cli.Harness:
		return true
	}
	return false
}

// tail keeps the end of a text.
type tail struct {
	data  []byte
	limit int
}

func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	t.data = t.data[max(0, len(t.data)-t.limit):]
	return len(p), nil
}

// Probe runs the first seed of a campaign, and returns its state.
func (p *Program) Probe(ctx context.Context, dir string, c *Campaign) ([]byte, error) {
	one := *c
	one.Probe = nil
	run, _, err := p.run(ctx, p.exec, dir, &one, c.First, 1, false)
	if err != nil {
		return nil, err
	}
	return run.State, nil
}
