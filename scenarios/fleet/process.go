package fleet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
)

// process is a program that runs campaigns one after the other (fuzz series): its beginning,
// and the memory that it touches for the first time, are not paid for each range.
// A program without this command runs each campaign in a process for it alone.
type process struct {
	program *Program

	alone bool               // the program does not know series
	cmd   *exec.Cmd          // nil: there is none
	stop  context.CancelFunc // asks cmd to end
	ran   int                // campaigns of cmd
	in    io.WriteCloser
	out   *json.Decoder
	said  lockedTail
}

// maxSeries is the most campaigns of a process: memory that a program does not give back is
// bounded.
const maxSeries = 64

// seriesEvent is a line of the output of fuzz series.
type seriesEvent struct {
	Type  string   `json:"type"`
	Code  cli.Code `json:"code"`
	Error string   `json:"error"`
}

// exec is an executor.
func (p *process) exec(ctx context.Context, dir string, args []string) (string, error) {
	if p.ran >= maxSeries {
		_ = p.end() // it had nothing to do
	}
	if p.cmd == nil && !p.alone {
		if err := p.begin(ctx); err != nil {
			return "", err
		}
	}
	if p.alone {
		return p.program.exec(ctx, dir, args)
	}
	p.ran++
	e, err := p.campaign(ctx, dir, args)
	switch {
	case ctx.Err() != nil:
		_ = p.end() // by ctx
		return "", context.Cause(ctx)
	case err != nil:
		return "", fmt.Errorf("%w: %w: %s", ErrProgram, cmp.Or(p.end(), err), p.said.text())
	case !hasVerdict(e.Code):
		return "", fmt.Errorf("%w: exit code %d: %s", ErrProgram, e.Code, e.Error)
	}
	return e.Error, nil
}

// begin begins a process, or finds that its program cannot do more than one campaign.
func (p *process) begin(ctx context.Context) error {
	alive, stop := context.WithCancel(context.Background())
	cmd := p.program.command(alive, "", []string{"fuzz", "series"})
	in, errIn := cmd.StdinPipe()
	out, errOut := cmd.StdoutPipe()
	p.said.reset()
	cmd.Stderr = &p.said
	if err := errors.Join(errIn, errOut, cmd.Start()); err != nil {
		stop()
		return fmt.Errorf("%w: %w", ErrProgram, err)
	}
	p.cmd, p.stop, p.in, p.out, p.ran = cmd, stop, in, json.NewDecoder(out), 0
	e, err := p.event(ctx)
	if err == nil && e.Type == "ready" {
		return nil
	}
	_ = p.end() // it does not know the command
	p.alone = ctx.Err() == nil
	return context.Cause(ctx)
}

// campaign runs a campaign in the process.
func (p *process) campaign(ctx context.Context, dir string, args []string) (seriesEvent, error) {
	p.said.reset()
	line, err := json.Marshal(map[string]any{"dir": dir, "args": args[1:]}) // without fuzz
	if err != nil {
		return seriesEvent{}, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return seriesEvent{}, err
	}
	return p.event(ctx)
}

// event awaits the next event. When ctx ends, the process is asked to end.
func (p *process) event(ctx context.Context) (e seriesEvent, err error) {
	defer context.AfterFunc(ctx, p.stop)()
	if err = p.out.Decode(&e); errors.Is(err, io.EOF) {
		err = errors.New("it has ended")
	}
	return e, err
}

// endWait is how long a process may take to see the end of its input, before it is asked to
// end.
const endWait = 5 * time.Second

// end ends the process, if there is one. The error is how it ended.
func (p *process) end() error {
	if p.cmd == nil {
		return nil
	}
	_ = p.in.Close() // it may have ended already
	defer time.AfterFunc(endWait, p.stop).Stop()
	err := p.cmd.Wait()
	p.stop()
	p.cmd = nil
	return err
}

// lockedTail is a tail that a process writes while others read it.
type lockedTail struct {
	mu   sync.Mutex
	tail tail
}

// Write implements io.Writer.
func (t *lockedTail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tail.Write(b)
}

func (t *lockedTail) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tail = tail{limit: maxTrouble / 2}
}

func (t *lockedTail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.tail.data))
}
