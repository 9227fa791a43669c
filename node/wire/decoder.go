package wire

import (
	"encoding/binary"
	"hash/crc32"
)

// Decoder takes a stream apart into the payloads of its frames. The zero value
// is ready. However a stream is cut into chunks, it gives the same payloads and
// the same error after them.
//
// Between two calls of Write call Next until it gives nothing: then a Decoder
// holds at most one unfinished frame and a chunk.
type Decoder struct {
	buf      []byte
	consumed int // bytes of buf that Next has given away
	err      error
}

// Write takes the next chunk, and keeps none of it. It ends the life of the
// payloads given so far. After an error it does nothing.
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

// Next gives the next payload, which is good until the next Write; ok is false
// if it has not all come. Its errors wrap ErrTooLong, ErrEmpty or ErrChecksum
// and are final.
func (d *Decoder) Next() (payload []byte, ok bool, err error) {
	rest := d.buf[d.consumed:]
	if d.err != nil || len(rest) < frameHeaderSize {
		return nil, false, d.err
	}
	length := binary.LittleEndian.Uint32(rest)
	if err := checkLength(uint64(length)); err != nil {
		return d.fail(err)
	}
	end := frameHeaderSize + int(length)
	if len(rest) < end {
		return nil, false, nil
	}
	payload = rest[frameHeaderSize:end:end]
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(rest[4:]) {
		return d.fail(ErrChecksum)
	}
	d.consumed += end
	return payload, true, nil
}

// Reset has the decoder begin with another stream, in the same memory.
func (d *Decoder) Reset() { *d = Decoder{buf: d.buf[:0]} }

// Buffered is how many bytes wait for the rest of their frame. A stream that
// ends while it is not zero was cut off.
func (d *Decoder) Buffered() int { return len(d.buf) - d.consumed }

func (d *Decoder) fail(err error) ([]byte, bool, error) {
	*d = Decoder{err: err}
	return nil, false, err
}
