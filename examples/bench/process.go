package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a server that this program has started.
type process struct {
	cmd    *exec.Cmd
	log    *os.File
	exited chan struct{}
}

// start starts a server whose output goes to a file.
func start(logName, command string, args ...string) (*process, error) {
	f, err := os.Create(logName)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(command, args...), log: f, exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = f, f, dieWithParent()
	if err := p.cmd.Start(); err != nil {
		f.Close()
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.exited)
	}()
	return p, nil
}

// processes are the servers of one side.
type processes []*process

// stop asks the servers to end, and kills them after five seconds.
func (all processes) stop() {
	limit := time.After(5 * time.Second)
	for _, p := range all {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error: it has ended already
	}
	for _, p := range all {
		select {
		case <-p.exited:
		case <-limit:
			for _, p := range all {
				_ = p.cmd.Process.Kill()
			}
			<-p.exited
		}
		p.log.Close()
	}
}

// cpu returns the processor time of all.
func (all processes) cpu() (sum time.Duration) {
	for _, p := range all {
		sum += cpuOf(p.cmd.Process.Pid)
	}
	return sum
}

// awaitReady calls ready until it succeeds, a server ends, or 30 seconds have passed.
func (all processes) awaitReady(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		for _, p := range all {
			select {
			case <-p.exited:
				said, _ := os.ReadFile(p.log.Name())
				return fmt.Errorf("%s has ended: %s", filepath.Base(p.cmd.Path), bytes.TrimSpace(said[max(0, len(said)-2000):]))
			default:
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready in time: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// runJSON runs a command that prints one JSON value, and returns its processor time.
func runJSON(ctx context.Context, value any, command string, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.SysProcAttr = dieWithParent()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s%s", filepath.Base(command), err, errs.Bytes(), out.Bytes())
	}
	if err := json.Unmarshal(out.Bytes(), value); err != nil {
		return 0, fmt.Errorf("%s: %w in %s", filepath.Base(command), err, out.Bytes())
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// freePorts returns ports on loopback that were free just now.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // after all are chosen, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
