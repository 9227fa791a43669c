package backup

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// A backup may be compressed as a whole, with zstd. Its digest is of the plain content: so
// a cluster can be restored from both forms of one backup, and any program that knows zstd
// makes one of the other.

// CompressedExtension ends the name of a file that Create compresses.
const CompressedExtension = ".zst"

// zstdMagic begins a compressed backup.
var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// maxWindow bounds the memory with which a backup is decompressed, in bytes. The largest
// window that zstd makes without being told to is as large.
const maxWindow = 128 << 20

// newCompressor returns a writer whose Close completes the compressed form of what was
// written, in w.
func newCompressor(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
}

// decompressed returns a reader of the plain form of a backup.
func decompressed(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, 256<<10)
	begin, err := in.Peek(len(zstdMagic))
	if err != nil && !isEnd(err) {
		return nil, err
	}
	if !bytes.Equal(begin, zstdMagic) {
		return in, nil
	}
	source := &sourceReader{in: in}
	z, err := zstd.NewReader(source, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, decompressError(err)
	}
	return bufio.NewReaderSize(&zstdReader{z, source}, 256<<10), nil
}

// sourceReader keeps the error of the reader that it reads from.
type sourceReader struct {
	in  io.Reader
	err error
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// zstdReader tells errors about compressed bytes from errors of their source.
type zstdReader struct {
	z      *zstd.Decoder
	source *sourceReader
}

func (c *zstdReader) Read(p []byte) (int, error) {
	n, err := c.z.Read(p)
	switch {
	case c.source.err != nil:
		return n, c.source.err
	case err != nil && err != io.EOF:
		return n, decompressError(err)
	}
	return n, err
}

func decompressError(err error) error {
	return fmt.Errorf("%w in its compressed form: %w: take another copy", ErrDamaged, err)
}
