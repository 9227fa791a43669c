// Package fleettest has the parts that the tests of fleets share.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package fleettest

import (
	"bytes"
	"os"
	"sync"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/harness"
)

// Main is the TestMain of a test binary that is the command of a system as well: when its
// first argument is fuzz.
func Main(m *testing.M, sys scenarios.System) {
	if len(os.Args) > 1 && os.Args[1] == "fuzz" {
		harness.Main(sys)
	}
	os.Exit(m.Run())
}

// Buffer is a buffer that a process writes while a test reads it.
type Buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write appends to the buffer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// Bytes returns a copy of the content.
func (b *Buffer) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buf.Bytes())
}

// Reset empties the buffer.
func (b *Buffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Reset()
}

// String returns the content.
func (b *Buffer) String() string { return string(b.Bytes()) }
