package member

import "encoding/binary"

// A note in the log is a list of fields: a number, a length and as many bytes. A
// later version may add numbers; an earlier one ignores unknown numbers.

// tlv is a list of fields that is being written.
type tlv []byte

func (f *tlv) bytes(number byte, b []byte) {
	*f = append(append(*f, number, byte(len(b))), b...)
}

func (f *tlv) number(number byte, v uint64) {
	var b [binary.MaxVarintLen64]byte
	f.bytes(number, b[:binary.PutUvarint(b[:], v)])
}

// id writes sixteen bytes, unless they are zero.
func (f *tlv) id(number byte, id [16]byte) {
	if id != [16]byte{} {
		f.bytes(number, id[:])
	}
}

// nested writes a list of fields, of at most 255 bytes, as one field.
func (f *tlv) nested(number byte, write func(*tlv)) {
	at := len(*f) + 2
	*f = append(*f, number, 0)
	write(f)
	(*f)[at-1] = byte(len(*f) - at)
}

// decodeFields passes the fields of a note to take, in order. It reports false if
// they are cut off, or take does.
func decodeFields(note []byte, take func(number byte, data []byte) bool) bool {
	for len(note) > 0 {
		if len(note) < 2 || len(note) < 2+int(note[1]) {
			return false
		}
		number, data := note[0], note[2:2+int(note[1])]
		note = note[2+len(data):]
		if !take(number, data) {
			return false
		}
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
