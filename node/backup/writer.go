package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"io"

	"github.com/lockstep-dst/lockstep/node"
)

// Writer writes a backup. It writes nothing that a Reader refuses. It is not safe for
// concurrent use.
type Writer struct {
	out     *bufio.Writer
	sum     hash.Hash
	content content
	frame   []byte
	err     error // the first error of out
}

// NewWriter begins a backup. It sets the header's format.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	h.Format = Format
	b := &Writer{out: bufio.NewWriterSize(w, 256<<10), sum: sha256.New(), content: newContent(h.FirstSerial)}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	b.write([]byte(magic))
	b.begin(kindHeader)
	b.frame = append(b.frame, text...)
	return b, b.end()
}

// Knows reports whether the definition of that name is built in, or was added.
func (b *Writer) Knows(definition string) bool { return b.content.has(definition) }

// Add adds a machine: one that holds a definition before the machines of that definition,
// the others in the order of their keys.
func (b *Writer) Add(key string, v *node.Value) error {
	definition := holdsDefinition(key, v)
	if _, err := b.content.add(key, v, definition); err != nil {
		return err
	}
	b.begin(kindMachine)
	if definition {
		b.frame[len(b.frame)-1] = kindDefinition
	}
	b.frame = binary.AppendUvarint(b.frame, uint64(len(key)))
	b.frame = append(b.frame, key...)
	b.frame = node.AppendValue(b.frame, v)
	return b.end()
}

// Close ends the backup with its trailer. Without it a Reader refuses the file.
func (b *Writer) Close() (Summary, error) {
	s := b.content.summary
	s.Digest = [32]byte(b.sum.Sum(nil))
	b.begin(kindTrailer)
	b.frame = appendTrailer(b.frame[:frameHead], s)
	if err := b.end(); err != nil {
		return s, err
	}
	return s, b.out.Flush()
}

// begin begins a frame.
func (b *Writer) begin(kind byte) {
	var head [frameHead]byte
	b.frame = append(append(b.frame[:0], head[:]...), kind)
}

// end writes the frame that was begun.
func (b *Writer) end() error {
	if n := len(b.frame) - frameHead; n > maxPayload {
		return fmt.Errorf("%w: a record of %d bytes: want at most %d", ErrContent, n, maxPayload)
	}
	finishFrame(b.frame, 0)
	b.write(b.frame)
	return b.err
}

func (b *Writer) write(p []byte) {
	if b.err == nil {
		b.sum.Write(p)
		_, b.err = b.out.Write(p)
	}
}
