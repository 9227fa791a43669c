package bisect

import "time"

// Bounds of the output of commands, in bytes, and of the time for which a command that was ended
// may leave it open to its children.
const (
	maxSaid    = 2 << 10  // of errors
	maxVerdict = 1 << 20  // of a replay
	maxOutput  = 64 << 20 // of git
	waitDelay  = 2 * time.Second
)

// firstBytes keeps the beginning of a text.
type firstBytes struct {
	data  []byte
	limit int
	cut   bool
}

// Write implements io.Writer.
func (f *firstBytes) Write(p []byte) (int, error) {
	kept := p[:min(len(p), f.limit-len(f.data))]
	f.data, f.cut = append(f.data, kept...), f.cut || len(kept) < len(p)
	return len(p), nil
}

// lastBytes keeps the end of a text.
type lastBytes struct {
	data  []byte
	limit int
}

// Write implements io.Writer.
func (l *lastBytes) Write(p []byte) (int, error) {
	l.data = append(l.data, p...)
	l.data = l.data[max(0, len(l.data)-l.limit):]
	return len(p), nil
}
