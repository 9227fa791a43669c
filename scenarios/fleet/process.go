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

	alone  bool               // the program does not know series
	cmd    *exec.Cmd          // nil: there is none
	stop   context.CancelFunc // asks cmd to end, and has it killed if it does not
	exited chan struct{}      // closed when cmd has ended
	exit   error              // how cmd has ended; read it after exited is closed
	ran    int                // campaigns of cmd
	in     io.WriteCloser
	events *seriesEvents
	said   lockedTail
}

// maxSeries is the most campaigns of a process: memory that a program does not give back is
// bounded.
const maxSeries = 64

// seriesEvent is a line of the output of fuzz series.
type seriesEvent struct {
	Type   string   `json:"type"`
	Number int      `json:"number"` // of the campaign that has ended, from 1
	Code   cli.Code `json:"code"`
	Error  string   `json:"error"`
}

// exec is an executor.
func (p *process) exec(ctx context.Context, dir string, args []string) (string, error) {
	if p.ran >= maxSeries || p.hasExited() {
		p.end()
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
		p.end() // by ctx
		return "", context.Cause(ctx)
	case err != nil:
		p.end()
		return "", fmt.Errorf("%w: %w: %s", ErrProgram, cmp.Or(p.exit, err), p.said.text())
	case !hasVerdict(e.Code):
		return "", fmt.Errorf("%w: exit code %d: %s", ErrProgram, e.Code, e.Error)
	}
	return e.Error, nil
}

// begin begins a process, or finds that its program cannot do more than one campaign.
func (p *process) begin(ctx context.Context) error {
	alive, stop := context.WithCancel(context.Background())
	cmd := p.program.command(alive, "", []string{"fuzz", "series"})
	p.said.reset()
	p.events = &seriesEvents{to: make(chan seriesEvent, 1)}
	cmd.Stdout, cmd.Stderr = p.events, &p.said
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		stop()
		return fmt.Errorf("%w: %w", errMachine, err)
	}
	exited := make(chan struct{})
	p.cmd, p.stop, p.in, p.exited, p.exit, p.ran = cmd, stop, in, exited, nil, 0
	go func() {
		defer close(exited)
		p.exit = cmd.Wait()
	}()
	if _, err = p.await(ctx, "ready", 0); err == nil {
		return nil
	}
	p.end()
	exit := (*exec.ExitError)(nil)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(p.exit, &exit) && cli.Code(exit.ExitCode()) == cli.Usage: // there is no such command
		p.alone = true
		return nil
	}
	return fmt.Errorf("%w: %w: %s", ErrProgram, cmp.Or(p.exit, err), p.said.text())
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
	return p.await(ctx, "ended", p.ran)
}

var errProcessEnded = errors.New("the process has ended")

// await awaits an event. Others are passed over: the program may print whatever it likes.
func (p *process) await(ctx context.Context, kind string, number int) (seriesEvent, error) {
	is := func(e seriesEvent) bool { return e.Type == kind && e.Number == number }
	for {
		select {
		case e := <-p.events.to:
			if is(e) {
				return e, nil
			}
		case <-p.exited:
			select { // what it has said before counts
			case e := <-p.events.to:
				if is(e) {
					return e, nil
				}
			default:
			}
			return seriesEvent{}, errProcessEnded
		case <-ctx.Done():
			p.stop()
			<-p.exited
			return seriesEvent{}, context.Cause(ctx)
		}
	}
}

// hasExited reports whether there is a process that has ended by itself.
func (p *process) hasExited() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// endWait is how long a process may take to see the end of its input, before it is asked to
// end.
const endWait = 5 * time.Second

// end ends the process, if there is one.
func (p *process) end() {
	if p.cmd == nil {
		return
	}
	_ = p.in.Close() // it may have ended already
	asked := time.AfterFunc(endWait, p.stop)
	<-p.exited
	asked.Stop()
	p.stop()
	p.cmd = nil
}

// seriesEvents takes the output of fuzz series apart: lines that are no events are dropped,
// and so is an event that was not taken before the next one came.
type seriesEvents struct {
	line    []byte
	tooLong bool // the line is no event
	to      chan seriesEvent
}

// maxEvent bounds an event, in bytes.
const maxEvent = 64 << 10

// Write implements io.Writer. It does not block.
func (s *seriesEvents) Write(b []byte) (int, error) {
	n := len(b)
	for {
		part, rest, ended := bytes.Cut(b, []byte("\n"))
		if s.tooLong = s.tooLong || len(s.line)+len(part) > maxEvent; !s.tooLong {
			s.line = append(s.line, part...)
		}
		if !ended {
			return n, nil
		}
		s.take()
		b = rest
	}
}

// take takes the line that has come to its end.
func (s *seriesEvents) take() {
	var e seriesEvent
	if !s.tooLong && json.Unmarshal(s.line, &e) == nil && (e.Type == "ready" || e.Type == "ended") {
		select { // a line that only looks like an event may have come right before it
		case <-s.to:
		default:
		}
		s.to <- e // there is room: nothing else sends
	}
	s.line, s.tooLong = s.line[:0], false
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
