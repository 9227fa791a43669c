package frame

import (
	"encoding/binary"
	"hash/crc32"
)

// Decoder splits a stream into the payloads of its frames. The zero value is ready.
// The payloads, and the error after them, do not depend on how the stream is cut into
// chunks. Methods must not be called concurrently.
//
// Between two calls of Write, call Next until ok is false. Then a Decoder holds at
// most one unfinished frame and one chunk.
type Decoder struct {
	Limit uint32 // the maximum length of a payload, if less than MaxSize; 0: MaxSize

	buf      []byte
	consumed int // bytes of buf that Next has returned
	err      error
}

// Write copies the next chunk. It invalidates the payloads returned so far. After an
// error it does nothing.
func (d *Decoder) Write(chunk []byte) {
	if d.err != nil {
		return
	}
	if d.consumed > 0 {
		d.buf = d.buf[:copy(d.buf, d.buf[d.consumed:])]
		d.consumed = 0
	}
	d.buf = append(d.buf, chunk...)
}

// Next returns the next payload, which is valid until the next Write. ok is false if
// the frame is not complete. Errors wrap ErrTooLong, ErrEmpty or ErrChecksum and are
// final.
func (d *Decoder) Next() (payload []byte, ok bool, err error) {
	rest := d.buf[d.consumed:]
	if d.err != nil || len(rest) < HeaderSize {
		return nil, false, d.err
	}
	length := binary.LittleEndian.Uint32(rest)
	if err := checkLength(uint64(length), d.limit()); err != nil {
		return d.fail(err)
	}
	end := HeaderSize + int(length)
	if len(rest) < end {
		return nil, false, nil
	}
	payload = rest[HeaderSize:end:end]
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(rest[4:]) {
		return d.fail(ErrChecksum)
	}
	d.consumed += end
	return payload, true, nil
}

// Reset makes the decoder ready for another stream. It keeps the buffer.
func (d *Decoder) Reset() { *d = Decoder{Limit: d.Limit, buf: d.buf[:0]} }

// Buffered is the number of bytes after the last payload returned. A stream that ends
// while it is not zero was cut off.
func (d *Decoder) Buffered() int { return len(d.buf) - d.consumed }

// Cap is the size of the buffer, in bytes.
func (d *Decoder) Cap() int { return cap(d.buf) }

func (d *Decoder) fail(err error) ([]byte, bool, error) {
	*d = Decoder{Limit: d.Limit, err: err}
	return nil, false, err
}

func (d *Decoder) limit() uint64 {
	if d.Limit == 0 {
		return MaxSize
	}
	return uint64(min(d.Limit, MaxSize))
}
