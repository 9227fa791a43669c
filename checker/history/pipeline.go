package history

import (
	"errors"
	"io"
)

// Run runs do(0) to do(n-1), in any order or at once, and returns when all have
// ended.
type Run func(n int, do func(task int))

// serially is a Run without concurrency.
func serially(n int, do func(task int)) {
	for task := range n {
		do(task)
	}
}

// ReadOn is Read on as many cores as width: lines are parsed in tasks of run, while
// those before them are checked, and those after them read. The result and the error
// are those of Read.
func ReadOn(width int, run Run, r io.Reader, more ...Grammar) (History, error) {
	size, err := sizeOf(r)
	if err != nil {
		return History{}, err
	}
	in, err := NewReader(r, more...)
	if err != nil {
		return History{}, err
	}
	p := pipeline{in: in, parsers: make([]scanner, max(1, width))}
	for i := range p.parsers {
		p.parsers[i] = in.fast
	}
	for i := range p.batches {
		p.batches[i] = make([]block, len(p.parsers))
	}
	if size > 0 {
		p.all.expect = func() int { return in.lines.expected(size) }
	}
	checked, parsed, filled := p.batches[0], p.batches[1], p.batches[2]
	for p.fill(parsed); !p.ended && len(parsed[0].lines)+len(checked[0].lines) > 0; {
		run(1+len(p.parsers), func(task int) {
			if task == 0 {
				p.check(checked)
				p.fill(filled)
				return
			}
			parsed[task-1].parse(&p.parsers[task-1], in)
		})
		checked, parsed, filled = parsed, filled, checked
	}
	switch {
	case p.failure != nil:
		return History{}, p.failure
	case p.bad.Err() != nil:
		return History{}, p.bad.Err()
	}
	h := in.Header
	return History{Model: h.Model, Definitions: h.Definitions, Initial: h.Initial, Operations: p.all.join(), Annotations: h.Annotations}, nil
}

// pipeline reads, parses and checks three batches of blocks at a time, one after the
// other in the file.
type pipeline struct {
	in      *Reader
	parsers []scanner
	batches [3][]block
	all     chunks
	bad     BadLines
	failure error // to read a line
	ended   bool  // for a failure, or for bad lines
}

// block is some lines of a file.
type block struct {
	text  []byte
	lines []blockLine
	ops   []Operation
}

// blockLine is a line of a block. Err is the reason why it is no operation.
type blockLine struct {
	end, number int
	err         error
}

const blockSize = 128 << 10 // bytes

// fill reads the next blocks.
func (p *pipeline) fill(batch []block) {
	for i := range batch {
		b := &batch[i]
		b.text, b.lines = b.text[:0], b.lines[:0]
		for len(b.text) < blockSize && !p.in.lines.ended {
			text, err := p.in.lines.next()
			if err == io.EOF {
				break
			}
			b.text = append(b.text, text...)
			b.lines = append(b.lines, blockLine{len(b.text), p.in.lines.number, err})
		}
	}
}

// parse parses the lines of b.
func (b *block) parse(fast *scanner, in *Reader) {
	b.ops = b.ops[:0]
	start := 0
	for i := range b.lines {
		l := &b.lines[i]
		op := Operation{}
		if l.err == nil {
			op, l.err = in.parse(b.text[start:l.end], fast, l.number)
		}
		start = l.end
		b.ops = append(b.ops, op)
	}
}

// check checks parsed operations, in order, and keeps them.
func (p *pipeline) check(batch []block) {
	for i := range batch {
		b := &batch[i]
		for k, l := range b.lines {
			err := l.err
			if err == nil {
				err = p.in.check(&b.ops[k], l.number)
			}
			switch {
			case err == nil && len(p.bad.lines) == 0:
				p.all.add(b.ops[k])
			case err == nil:
			case errors.Is(err, ErrFormat):
				p.bad.add(err)
			default:
				p.failure, p.ended = err, true
				return
			}
			if p.bad.Full() {
				p.bad.Stop()
				p.ended = true
				return
			}
		}
		b.lines = b.lines[:0]
	}
}
