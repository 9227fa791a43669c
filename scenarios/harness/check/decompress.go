package check

import (
	"bufio"
	"bytes"
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
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, withoutPath(err)
	}
	out, endContent, err := decompress(f)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return out, func() { endContent(); f.Close() }, nil
}

// withoutPath returns the reason why a file cannot be opened, without the path: the
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
	start, _ := buffered.Peek(4)
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		r, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, nil, corruptError("gzip", err)
		}
		return &compressedReader{r, "gzip"}, func() { r.Close() }, nil
	case bytes.Equal(start, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		r, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, corruptError("zstd", err)
		}
		return &compressedReader{r, "zstd"}, r.Close, nil
	}
	return buffered, func() {}, nil
}

// compressedReader adds to errors that they are about the compressed file.
type compressedReader struct {
	in     io.Reader
	format string
}

// Read implements io.Reader.
func (p *compressedReader) Read(b []byte) (int, error) {
	n, err := p.in.Read(b)
	if err != nil && err != io.EOF {
		err = corruptError(p.format, err)
	}
	return n, err
}

func corruptError(format string, err error) error {
	return fmt.Errorf("compressed with %s, but damaged or cut off: %w", format, err)
}
