package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
)

// Reader reads a backup, and checks all of it. Only when Next has returned io.EOF is the
// backup known to be whole. It is not safe for concurrent use.
type Reader struct {
	in      *bufio.Reader
	sum     hash.Hash
	offset  int64 // of the next frame, in the plain content
	header  Header
	content content
	frame   []byte
	err     error // the end
}

// NewReader reads the header of a backup, compressed or not. Its error wraps ErrFormat or ErrDamaged, or is
// that of r.
func NewReader(r io.Reader) (*Reader, error) {
	in, err := decompressed(r)
	if err != nil {
		return nil, err
	}
	b := &Reader{in: in, sum: sha256.New()}
	begin := make([]byte, len(magic))
	if _, err := io.ReadFull(b.in, begin); err != nil && (!isEnd(err) || errors.Is(err, ErrDamaged)) {
		return nil, err
	}
	if string(begin) != magic {
		return nil, fmt.Errorf("%w: it does not begin as one", ErrFormat)
	}
	b.sum.Write(begin)
	b.offset = int64(len(magic))
	payload, err := b.next()
	if err != nil {
		return nil, err
	}
	if payload[0] != kindHeader {
		return nil, b.damaged("a header is expected there, not a record of kind %q", payload[0])
	}
	b.sum.Write(b.frame)
	if b.header, err = decodeHeader(payload[1:]); err != nil {
		return nil, err
	}
	b.content = newContent(b.header.FirstSerial)
	return b, nil
}

// Header returns the header.
func (b *Reader) Header() Header { return b.header }

// Summary returns the end of the backup, after Next has returned io.EOF.
func (b *Reader) Summary() Summary { return b.content.summary }

// Next returns the next machine. After the last one it checks the end of the file, and
// returns io.EOF. Any other error wraps ErrDamaged or ErrContent, or is the reader's.
func (b *Reader) Next() (Record, error) {
	if b.err != nil {
		return Record{}, b.err
	}
	r, err := b.record()
	b.err = err
	return r, err
}

func (b *Reader) record() (Record, error) {
	at := b.offset
	payload, err := b.next()
	if err != nil {
		return Record{}, err
	}
	switch kind := payload[0]; kind {
	case kindTrailer:
		return Record{}, b.end(payload)
	case kindDefinition, kindMachine:
		b.sum.Write(b.frame)
		key, v, err := decodeMachine(payload[1:])
		if err != nil {
			return Record{}, fmt.Errorf("%w: the record at offset %d: %w", ErrContent, at, err)
		}
		return b.content.add(key, v, kind == kindDefinition)
	default:
		return Record{}, fmt.Errorf("%w: the record at offset %d is of the unknown kind %q", ErrFormat, at, kind)
	}
}

func decodeMachine(b []byte) (key string, v *node.Value, err error) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return "", nil, errors.New("its key is cut off")
	}
	key = string(b[n : n+int(length)])
	v, err = node.ParseValue(b[n+int(length):])
	return key, v, err
}

// end checks the trailer, and that nothing follows it.
func (b *Reader) end(payload []byte) error {
	sum := [32]byte(b.sum.Sum(nil)) // of all before it
	s, ok := decodeTrailer(payload)
	c := &b.content.summary
	switch {
	case !ok:
		return b.damaged("the trailer has %d bytes: want %d", len(payload), trailerSize)
	case s.Digest != sum:
		return b.damaged("the digest of the file is %x, and the trailer says %x", sum[:8], s.Digest[:8])
	case s.Definitions != c.Definitions || s.Machines != c.Machines:
		return b.damaged("there are %d definitions and %d machines, and the trailer says %d and %d", c.Definitions, c.Machines, s.Definitions, s.Machines)
	}
	c.Digest = sum
	if _, err := b.in.ReadByte(); err == nil {
		return b.damaged("there is more behind the end")
	} else if !isEnd(err) {
		return err
	}
	return io.EOF
}

// next reads a frame, and returns its payload, which is not empty and valid until the next
// call.
func (b *Reader) next() ([]byte, error) {
	b.frame = append(b.frame[:0], make([]byte, frameHead)...)
	if _, err := io.ReadFull(b.in, b.frame); isEnd(err) {
		return nil, b.damaged("it ends there, without its trailer")
	} else if err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(b.frame))
	if n == 0 || n > maxPayload {
		return nil, b.damaged("a record of %d bytes", n)
	}
	b.frame = slices.Grow(b.frame, n)[:frameHead+n]
	head, payload := b.frame[:frameHead], b.frame[frameHead:]
	if _, err := io.ReadFull(b.in, payload); isEnd(err) {
		return nil, b.damaged("the record there is cut off")
	} else if err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(head[4:]) != frameSum(head[:4], payload) {
		return nil, b.damaged("the checksum of the record there does not match")
	}
	b.offset += int64(len(b.frame))
	return payload, nil
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// damaged returns an error about the frame at the offset.
func (b *Reader) damaged(format string, args ...any) error {
	return fmt.Errorf("%w at offset %d: %s: take another copy", ErrDamaged, b.offset, fmt.Sprintf(format, args...))
}

// Check reads a whole backup.
func Check(r io.Reader) (Header, Summary, error) {
	b, err := NewReader(r)
	if err != nil {
		return Header{}, Summary{}, err
	}
	for {
		if _, err = b.Next(); err != nil {
			break
		}
	}
	if err != io.EOF {
		return b.header, Summary{}, err
	}
	return b.header, b.Summary(), nil
}
