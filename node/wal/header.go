package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// LSN is a position in the log: the number of bytes of records before it, over all
// segments. Headers, seals and bytes after the last record of a segment do not count.
type LSN uint64

// Identity is the node and the incarnation that a log belongs to. Every segment
// carries it in its header.
type Identity struct {
	Cluster     [16]byte
	Node        uint16
	Incarnation [16]byte // random, drawn when the log was formatted
}

const (
	magic              = "lockstep"
	oldestVersion      = 2 // the oldest that can be read
	wholeVersion       = 4 // the oldest that is written: each entry stands for itself
	incrementalVersion = 5 // entries may build on earlier ones

	commonHeaderSize = 64 // bytes that have the same layout in all versions
	oldHeaderSize    = 84 // bytes of a header of version 2 or 3
	headerSize       = commonHeaderSize + 8 + 3*(fieldHeaderSize+8)

	filePrefix = "wal-"
)

// Kinds of header fields, from version 4 on. A program that does not know a field
// rejects the log, unless the field has the bit fieldOptional: then it skips it.
const (
	fieldBoot  = 1
	fieldFirst = 2
	fieldSize  = 3

	fieldOptional   = 0x8000 // the bit of a kind that may be skipped
	fieldHeaderSize = 4      // bytes before a field's value
)

// header is the header of a segment; the package comment gives its layout.
type header struct {
	version  uint16
	identity Identity
	sequence uint64
	base     LSN    // position of the segment's first record
	boot     uint64 // the last boot recorded before the segment
	first    uint64 // the lowest segment that was needed then
	size     uint64 // bytes of the file before the header was written; 0: unknown

	length  int    // bytes of the header on disk
	unknown uint16 // the kind of an unknown field that is not optional; 0: none
}

// encode returns the bytes of the header, in a version that is written.
func (h header) encode() []byte {
	b := make([]byte, commonHeaderSize+8, headerSize)
	copy(b, magic)
	binary.LittleEndian.PutUint16(b[8:], h.version)
	binary.LittleEndian.PutUint16(b[10:], h.identity.Node)
	copy(b[16:], h.identity.Cluster[:])
	copy(b[32:], h.identity.Incarnation[:])
	binary.LittleEndian.PutUint64(b[48:], h.sequence)
	binary.LittleEndian.PutUint64(b[56:], uint64(h.base))
	binary.LittleEndian.PutUint32(b[12:], commonHeaderSum(b))
	for _, f := range []struct {
		kind  uint16
		value uint64
	}{{fieldBoot, h.boot}, {fieldFirst, h.first}, {fieldSize, h.size}} {
		b = binary.LittleEndian.AppendUint16(b, f.kind)
		b = binary.LittleEndian.AppendUint16(b, 8)
		b = binary.LittleEndian.AppendUint64(b, f.value)
	}
	binary.LittleEndian.PutUint32(b[68:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[64:], headerSum(b))
	return b
}

// decodeHeader reads the header at the start of data; ok is false if no valid header
// is there. Of an unsupported version it reads the part common to all versions.
func decodeHeader(data []byte) (h header, ok bool) {
	if len(data) < commonHeaderSize || string(data[:8]) != magic || binary.LittleEndian.Uint32(data[12:]) != commonHeaderSum(data) {
		return header{}, false
	}
	h.version = binary.LittleEndian.Uint16(data[8:])
	h.identity.Node = binary.LittleEndian.Uint16(data[10:])
	h.identity.Cluster = [16]byte(data[16:])
	h.identity.Incarnation = [16]byte(data[32:])
	h.sequence = binary.LittleEndian.Uint64(data[48:])
	h.base = LSN(binary.LittleEndian.Uint64(data[56:]))
	switch {
	case !h.supported():
		return h, true
	case h.version < wholeVersion:
		ok = h.readFixed(data)
	default:
		ok = h.readFields(data)
	}
	if !ok {
		return header{}, false
	}
	return h, true
}

// readFixed reads the part after the common one in versions 2 and 3.
func (h *header) readFixed(data []byte) bool {
	if len(data) < oldHeaderSize || binary.LittleEndian.Uint32(data[80:]) != crc32.Checksum(data[:80], castagnoli) {
		return false
	}
	h.boot = binary.LittleEndian.Uint64(data[64:])
	h.first = binary.LittleEndian.Uint64(data[72:])
	h.length = oldHeaderSize
	return true
}

// readFields reads the fields of a header. A field of the wrong length for its kind
// counts as unknown.
func (h *header) readFields(data []byte) bool {
	if len(data) < commonHeaderSize+8 {
		return false
	}
	length := binary.LittleEndian.Uint32(data[68:])
	if length < commonHeaderSize+8 || uint64(length) > uint64(len(data)) || binary.LittleEndian.Uint32(data[64:]) != headerSum(data[:length]) {
		return false
	}
	h.length = int(length)
	for rest := data[commonHeaderSize+8 : length]; len(rest) > 0; {
		if len(rest) < fieldHeaderSize {
			return false
		}
		kind, size := binary.LittleEndian.Uint16(rest), int(binary.LittleEndian.Uint16(rest[2:]))
		if size > len(rest)-fieldHeaderSize {
			return false
		}
		value := rest[fieldHeaderSize : fieldHeaderSize+size]
		rest = rest[fieldHeaderSize+size:]
		switch {
		case kind == fieldBoot && size == 8:
			h.boot = binary.LittleEndian.Uint64(value)
		case kind == fieldFirst && size == 8:
			h.first = binary.LittleEndian.Uint64(value)
		case kind == fieldSize && size == 8:
			h.size = binary.LittleEndian.Uint64(value)
		case kind&fieldOptional == 0:
			h.unknown = kind
		}
	}
	return true
}

// commonHeaderSum is the checksum of the part common to all versions, without the
// four bytes of the checksum.
func commonHeaderSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:12], castagnoli), castagnoli, b[16:commonHeaderSize])
}

// headerSum is the checksum of a header with fields, without its own four bytes.
func headerSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:commonHeaderSize], castagnoli), castagnoli, b[commonHeaderSize+4:])
}

// supported reports whether this program reads the header's version.
func (h header) supported() bool {
	return h.version >= oldestVersion && h.version <= incrementalVersion
}

// check rejects the header of a log that this program cannot read, or that belongs
// to another node.
func (h header) check(want Identity) error {
	switch {
	case !h.supported():
		return fmt.Errorf("format version %d, this program reads versions %d to %d: %w", h.version, oldestVersion, incrementalVersion, ErrVersion)
	case h.unknown != 0:
		return fmt.Errorf("field %d of the header is not known to this program: %w", h.unknown, ErrVersion)
	case h.identity.Cluster != want.Cluster:
		return fmt.Errorf("cluster %x, want %x: %w", h.identity.Cluster, want.Cluster, ErrCluster)
	case h.identity.Node != want.Node:
		return fmt.Errorf("node %d, want %d: %w", h.identity.Node, want.Node, ErrNode)
	}
	return nil
}

// segmentName returns the file name of a segment.
func segmentName(sequence uint64) string {
	var name [len(filePrefix) + 16]byte
	copy(name[:], filePrefix)
	for i := len(name) - 1; i >= len(filePrefix); i-- {
		name[i] = "0123456789abcdef"[sequence&0xf]
		sequence >>= 4
	}
	return string(name[:])
}

// sequenceOf returns the number of the segment in a file; ok is false if the name is
// not a segment's. Segments are numbered from 1.
func sequenceOf(name string) (sequence uint64, ok bool) {
	digits, found := strings.CutPrefix(name, filePrefix)
	sequence, err := strconv.ParseUint(digits, 16, 64)
	return sequence, found && err == nil && sequence > 0 && name == segmentName(sequence)
}
