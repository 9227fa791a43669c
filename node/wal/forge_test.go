package wal_test

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// The format once more, as the package comment describes it and in other words
// than the package's own, to make logs that the package would not.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type header struct {
	version        uint16
	id             wal.Identity
	sequence, base uint64
	boot, first    uint64
}

// firstHeader is that of the first segment.
var firstHeader = header{version: 3, id: identity, sequence: 1, first: 1}

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
	b = binary.LittleEndian.AppendUint64(b, h.boot)
	b = binary.LittleEndian.AppendUint64(b, h.first)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// forgeRecord returns a segment whose first record is at base with one more
// record, whose batch started some bytes before it.
func forgeRecord(segment []byte, id wal.Identity, base uint64, back uint32, kind byte, payload string) []byte {
	at := base + uint64(len(segment)) - 84
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, back)
	b = append(append(b, kind), payload...)
	segment = binary.LittleEndian.AppendUint32(slices.Clip(segment), sumOf(b, id.Incarnation, at))
	return append(segment, b...)
}

// sumOf is the checksum of a record, of which these are the bytes behind it.
func sumOf(record []byte, incarnation [16]byte, at uint64) uint32 {
	x := (uint32(at) ^ uint32(at>>32)*0xc2b2ae35) * 0x85ebca6b
	return crc32.Update(crc32.Checksum(incarnation[:], castagnoli)^x^x>>16, castagnoli, record)
}

func bootText(boot byte) string { return string([]byte{boot, 0, 0, 0, 0, 0, 0, 0}) }
