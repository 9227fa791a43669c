package stream

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// Maximum values of fields.
const (
	maxUint8  = 1<<8 - 1
	maxUint16 = 1<<16 - 1
	maxUint32 = 1<<32 - 1
	maxUint64 = 1<<64 - 1
)

// fieldReader reads the fields of one message. After an error, which names the field,
// all further ones are zero.
type fieldReader struct {
	rest  []byte
	names *nameTable
	err   error
}

func (r *fieldReader) fail(field, why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %s: %w", field, why, ErrMessage)
	}
	r.rest = nil
}

func (r *fieldReader) byte(field string, most byte) byte {
	if r.err != nil {
		return 0
	}
	if len(r.rest) == 0 {
		r.fail(field, "missing")
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	if b > most {
		r.fail(field, fmt.Sprintf("%d: want at most %d", b, most))
		return 0
	}
	return b
}

// uint reads an unsigned varint in its shortest form.
func (r *fieldReader) uint(field string, most uint64) uint64 {
	if r.err != nil {
		return 0
	}
	n, size := binary.Uvarint(r.rest)
	switch {
	case size == 0:
		r.fail(field, "cut off")
		return 0
	case size < 0 || size > 1 && r.rest[size-1] == 0:
		r.fail(field, "not a number in its shortest form")
		return 0
	case n > most:
		r.fail(field, fmt.Sprintf("%d: want at most %d", n, most))
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// number reads a uint of any size.
func (r *fieldReader) number(field string) uint64 { return r.uint(field, maxUint64) }

// bytes reads the bytes of a string.
func (r *fieldReader) bytes(field string, most int) []byte {
	n := int(r.uint(field, uint64(most)))
	if r.err != nil {
		return nil
	}
	if n > len(r.rest) {
		r.fail(field, "cut off")
		return nil
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	if !utf8.Valid(s) {
		r.fail(field, "not UTF-8")
		return nil
	}
	return s
}

func (r *fieldReader) string(field string, most int) string { return string(r.bytes(field, most)) }

// name reads a string of which a connection has few different ones.
func (r *fieldReader) name(field string, most int) string { return r.names.get(r.bytes(field, most)) }

// end returns the error of the message, which has no further field.
func (r *fieldReader) end() error {
	if len(r.rest) > 0 {
		r.fail("end", fmt.Sprintf("%d bytes more", len(r.rest)))
	}
	return r.err
}

// nameTable keeps names of states and reasons, so that each is allocated once.
type nameTable struct{ names map[string]string }

// Bounds of a nameTable. A full one begins again; longer names are not kept.
const (
	maxNames    = 256
	longestName = 128 // bytes
)

func (t *nameTable) get(b []byte) string {
	if len(b) == 0 || len(b) > longestName {
		return string(b)
	}
	if s, ok := t.names[string(b)]; ok {
		return s
	}
	if t.names == nil || len(t.names) >= maxNames {
		t.names = map[string]string{}
	}
	s := string(b)
	t.names[s] = s
	return s
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendText appends a text for people, cut to MaxText bytes and made valid.
func appendText(dst []byte, s string) []byte { return appendString(dst, validText(s, MaxText)) }

// validText returns s as UTF-8 of at most most bytes.
func validText(s string, most int) string {
	if len(s) <= most && utf8.ValidString(s) {
		return s
	}
	b := make([]byte, 0, most)
	for _, r := range s {
		if len(b)+utf8.RuneLen(r) > most {
			break
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}

// checkName returns an error if a string does not fit into its field.
func checkName(field, s string, most int) error {
	if len(s) > most || !utf8.ValidString(s) {
		return fmt.Errorf("%s: %d bytes: want at most %d, in UTF-8: %w", field, len(s), most, ErrInvalid)
	}
	return nil
}

// flags packs booleans, the first into the lowest bit.
func flags(bits ...bool) (b byte) {
	for i, bit := range bits {
		if bit {
			b |= 1 << i
		}
	}
	return b
}
