package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// progress reports on a writer, once a second, how far a long stage is: on a
// terminal as one line that changes, elsewhere only after two seconds.
type progress struct {
	reporter *textReporter
	text     func(since time.Duration) string
	start    time.Time
	quit     chan struct{}
	done     sync.WaitGroup
}

func newProgress(out io.Writer) *progress { return &progress{reporter: newTextReporter(nil, out)} }

// begin begins a stage, and ends the one before. text is called from another
// goroutine.
func (p *progress) begin(text func(since time.Duration) string) {
	p.end()
	p.text, p.start, p.quit = text, time.Now(), make(chan struct{})
	p.done.Go(p.run)
}

// end ends the stage, if there is one, and clears its line.
func (p *progress) end() {
	if p.quit == nil {
		return
	}
	close(p.quit)
	p.done.Wait()
	p.quit = nil
}

func (p *progress) run() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	defer p.reporter.clear()
	for {
		select {
		case <-p.quit:
			return
		case <-tick.C:
		}
		since := time.Since(p.start)
		switch {
		case p.reporter.terminal:
			fmt.Fprintf(p.reporter.status, "\r\x1b[K%s", p.reporter.truncate(p.text(since)))
		case since >= 2*time.Second:
			fmt.Fprintln(p.reporter.status, p.text(since))
		}
	}
}

// reading begins the stage in which r is read.
func (p *progress) reading(r io.Reader) io.Reader {
	c := &countingReader{in: r}
	p.begin(func(time.Duration) string {
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
