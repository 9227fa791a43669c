package cli

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Progress reports on a StatusLine how far a long stage is: on a terminal once a second,
// elsewhere after two seconds, and then every five.
type Progress struct {
	line  StatusLine
	text  func(since time.Duration) string
	start time.Time
	quit  chan struct{}
	done  sync.WaitGroup
}

// pipePause is the time between two lines where they do not replace each other.
const pipePause = 5 * time.Second

// NewProgress returns a Progress on out, usually the standard error.
func NewProgress(out io.Writer) *Progress { return &Progress{line: NewStatusLine(out)} }

// Begin begins a stage, and ends the one before. text is called from another
// goroutine.
func (p *Progress) Begin(text func(since time.Duration) string) {
	p.End()
	p.text, p.start, p.quit = text, time.Now(), make(chan struct{})
	p.done.Go(p.run)
}

// End ends the stage, if there is one, and clears its line.
func (p *Progress) End() {
	if p.quit == nil {
		return
	}
	close(p.quit)
	p.done.Wait()
	p.quit = nil
}

func (p *Progress) run() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	defer p.line.Clear()
	next := 2 * time.Second
	for {
		select {
		case <-p.quit:
			return
		case <-tick.C:
		}
		if since := time.Since(p.start); p.line.OnTerminal() || since >= next {
			p.line.Show(p.text(since))
			next = since + pipePause
		}
	}
}

// Reading begins the stage in which r is read.
func (p *Progress) Reading(r io.Reader) io.Reader {
	c := &countingReader{in: r}
	p.Begin(func(time.Duration) string {
		return fmt.Sprintf("reading: %d lines, %d MB", c.lines.Load(), c.bytes.Load()/1e6)
	})
	return c
}

// countingReader counts the bytes and lines read.
type countingReader struct {
	in           io.Reader
	lines, bytes atomic.Int64
}

// Read implements io.Reader.
func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	c.lines.Add(int64(bytes.Count(b[:n], []byte("\n"))))
	c.bytes.Add(int64(n))
	return n, err
}
