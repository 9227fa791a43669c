package member

import (
	"encoding/binary"

	"github.com/lockstep-dst/lockstep/node/internal/tlv"
)

// noteFields is a list of fields that is being written: a note in the log. A version
// ignores numbers that it does not know.
type noteFields []byte

func (f *noteFields) bytes(number byte, b []byte) {
	*f = tlv.Append(*f, number, b)
}

func (f *noteFields) number(number byte, v uint64) {
	var b [binary.MaxVarintLen64]byte
	f.bytes(number, b[:binary.PutUvarint(b[:], v)])
}

// id writes sixteen bytes, unless they are zero.
func (f *noteFields) id(number byte, id [16]byte) {
	if id != [16]byte{} {
		f.bytes(number, id[:])
	}
}

// nested writes a list of fields, of at most 255 bytes, as one field.
func (f *noteFields) nested(number byte, write func(*noteFields)) {
	at := len(*f) + 2
	*f = append(*f, number, 0)
	write(f)
	(*f)[at-1] = byte(len(*f) - at)
}

// decodeFields passes the fields of a note to take, in order. It reports false if
// they are cut off, or take does.
func decodeFields(note []byte, take func(number byte, data []byte) bool) bool {
	for len(note) > 0 {
		number, data, rest, ok := tlv.Next(note)
		if !ok || !take(number, data) {
			return false
		}
		note = rest
	}
	return true
}

// decodeNumber reads a number field.
func decodeNumber(data []byte, v *uint64) bool {
	n := 0
	*v, n = binary.Uvarint(data)
	return n == len(data) && n > 0
}

// decodeID reads a field of sixteen bytes.
func decodeID(data []byte, id *[16]byte) bool {
	return len(data) == copy(id[:], data) && len(data) == len(id)
}
