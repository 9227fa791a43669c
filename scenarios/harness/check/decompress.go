package check

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// openInput returns a reader of the content of a file, decompressed if need be, or of
// stdin for "-". The caller must call end after the last read.
func openInput(name string, stdin io.Reader) (out io.Reader, end func(), err error) {
	if name == "-" {
		return decompress(stdin)
	}
	if isDirectory(name) {
		return nil, nil, errors.New("is a directory: name a file in it")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, withoutPath(err)
	}
	out, endContent, err := decompress(f)
	if err != nil {
		f.Close()
		return nil, nil, withoutPath(err)
	}
	return out, func() { endContent(); f.Close() }, nil
}

// withoutPath returns the reason why a file cannot be read, without the path: the
// caller's error has it.
func withoutPath(err error) error {
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// decompress returns a reader of the content of in: as it is, or decompressed if its
// first bytes are those of gzip or zstd. The caller must call end after the last
// read.
func decompress(in io.Reader) (out io.Reader, end func(), err error) {
	buffered := bufio.NewReaderSize(in, 64<<10)
	start, err := buffered.Peek(4)
	switch {
	case err != nil && err != io.EOF:
		return nil, nil, err
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		r, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, nil, corruptError("gzip", err)
		}
		return &compressedReader{in: r, format: "gzip"}, func() { r.Close() }, nil
	case isZstd(start):
		r, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, corruptError("zstd", err)
		}
		return &compressedReader{in: r, format: "zstd"}, r.Close, nil
	}
	return buffered, func() {}, nil
}

// isZstd reports whether four bytes begin a frame of zstd, or one that decoders skip.
func isZstd(start []byte) bool {
	if len(start) < 4 {
		return false
	}
	n := binary.LittleEndian.Uint32(start)
	return n == 0xfd2fb528 || n&^0xf == 0x184d2a50
}

// compressedReader adds to errors that they are about the compressed file. Its first error
// is the last: a decoder may go on with the data before, as if there had been none.
type compressedReader struct {
	in     io.Reader
	format string
	err    error
}

// Read implements io.Reader.
func (p *compressedReader) Read(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	n, err := p.in.Read(b)
	if err != nil && err != io.EOF {
		err = corruptError(p.format, err)
	}
	p.err = err
	return n, err
}

func corruptError(format string, err error) error {
	return fmt.Errorf("compressed with %s, but damaged or cut off: %w", format, err)
}
