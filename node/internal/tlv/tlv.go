// Package tlv provides the fields of formats that grow: a number, a length and as many
// bytes, at most 255. A later version may add numbers; an earlier one skips unknown
// numbers, or refuses them, as its format says.
package tlv

// Append appends a field of at most 255 bytes.
func Append(dst []byte, number byte, data []byte) []byte {
	return append(append(dst, number, byte(len(data))), data...)
}

// Next returns the first field of a list that is not empty, and the rest of the list.
// It reports false if the field is cut off. The data is part of the list.
func Next(list []byte) (number byte, data, rest []byte, ok bool) {
	if len(list) < 2 || len(list) < 2+int(list[1]) {
		return 0, nil, nil, false
	}
	end := 2 + int(list[1])
	return list[0], list[2:end], list[end:], true
}
