package wal_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// A second implementation of the format in the package comment. It can also make logs
// that the package would not write.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type header struct {
	version        uint16
	id             wal.Identity
	sequence, base uint64
	boot, first    uint64
	size           uint64
	more           []byte // additional fields
}

// firstHeader is the header of the first segment.
var firstHeader = header{version: 5, id: identity, sequence: 1, first: 1}

// headerSize is the length of a header, in bytes.
const headerSize = 108

// headerSizeOf returns the length of a segment's header in bytes: 84 before version 4.
func headerSizeOf(segment []byte) int {
	if len(segment) > 8 && (segment[8] == 2 || segment[8] == 3) {
		return 84
	}
	return headerSize
}

func forgeHeader(h header) []byte {
	b := []byte("lockstep")
	b = binary.LittleEndian.AppendUint16(b, h.version)
	b = binary.LittleEndian.AppendUint16(b, h.id.Node)
	rest := append(h.id.Cluster[:], h.id.Incarnation[:]...)
	rest = binary.LittleEndian.AppendUint64(rest, h.sequence)
	rest = binary.LittleEndian.AppendUint64(rest, h.base)
	sum := crc32.Checksum(append(append([]byte{}, b...), rest...), castagnoli)
	b = append(binary.LittleEndian.AppendUint32(b, sum), rest...)
	if h.version == 1 {
		return b
	}
	if h.version > 3 {
		return forgeFields(b, h)
	}
	b = binary.LittleEndian.AppendUint64(b, h.boot)
	b = binary.LittleEndian.AppendUint64(b, h.first)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// forgeFields returns the header of version 4 or 5 that begins with b.
func forgeFields(b []byte, h header) []byte {
	var fields []byte
	for i, value := range []uint64{h.boot, h.first, h.size} {
		fields = append(fields, byte(i+1), 0, 8, 0)
		fields = binary.LittleEndian.AppendUint64(fields, value)
	}
	fields = append(fields, h.more...)
	rest := binary.LittleEndian.AppendUint32(nil, uint32(72+len(fields)))
	rest = append(rest, fields...)
	sum := crc32.Checksum(append(append([]byte{}, b...), rest...), castagnoli)
	return append(binary.LittleEndian.AppendUint32(b, sum), rest...)
}

// forgeMark returns a mark file with the given marks in its slots.
func forgeMark(id wal.Identity, marks ...mark) []byte {
	file := make([]byte, slot2+48)
	for i, m := range marks {
		b := append([]byte("lockmark"), 1, 0, 0, 0, 0, 0, 0, 0)
		b = append(b, id.Incarnation[:]...)
		b = binary.LittleEndian.AppendUint64(b, m.at)
		b = binary.LittleEndian.AppendUint32(b, m.sum)
		copy(file[i*slot2:], binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)))
	}
	return file
}

// describeMarks describes the marks in a mark file. All invalid marks look the same.
func describeMarks(file []byte) string {
	said := ""
	for _, offset := range []int{0, slot2} {
		b := file[min(offset, len(file)):]
		if len(b) < 48 || sumOfMark(b) != binary.LittleEndian.Uint32(b[44:]) {
			said += " none"
			continue
		}
		said += fmt.Sprintf(" %x:%d", b[16:32], binary.LittleEndian.Uint64(b[32:]))
	}
	return said
}

// soundMark returns the highest position of a valid mark in a mark file.
func soundMark(file []byte) (at uint64) {
	for _, offset := range []int{0, slot2} {
		if b := file[min(offset, len(file)):]; len(b) >= 48 && sumOfMark(b) == binary.LittleEndian.Uint32(b[44:]) {
			at = max(at, binary.LittleEndian.Uint64(b[32:]))
		}
	}
	return at
}

func sumOfMark(b []byte) uint32 {
	return crc32.Checksum(b[:44], castagnoli)
}

// slot2 is the offset of the second slot of a mark file.
const slot2 = 4096

// mark is a position where a record ends, and the checksum of that record.
type mark struct {
	at  uint64
	sum uint32
}

// forgeRecord appends a record to a segment. base is the position of the segment's
// first record, back the distance from the start of the batch to the new record.
func forgeRecord(segment []byte, id wal.Identity, base uint64, back uint32, kind byte, payload string) []byte {
	return forgeAt(segment, id, base+uint64(len(segment)-headerSizeOf(segment)), back, kind, payload)
}

// forgeAt is forgeRecord for a record at a position.
func forgeAt(segment []byte, id wal.Identity, at uint64, back uint32, kind byte, payload string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, back)
	b = append(append(b, kind), payload...)
	segment = binary.LittleEndian.AppendUint32(slices.Clip(segment), sumOf(b, id.Incarnation, at))
	return append(segment, b...)
}

// sumOf returns the checksum of a record; record is the bytes after the checksum.
func sumOf(record []byte, incarnation [16]byte, at uint64) uint32 {
	x := (uint32(at) ^ uint32(at>>32)*0xc2b2ae35) * 0x85ebca6b
	return crc32.Update(crc32.Checksum(incarnation[:], castagnoli)^x^x>>16, castagnoli, record)
}

func bootText(boot byte) string { return string([]byte{boot, 0, 0, 0, 0, 0, 0, 0}) }
