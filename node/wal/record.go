package wal

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// MaxPayload is the most bytes one record can carry.
const MaxPayload = 1 << 20

// Overhead is what the log adds to each entry, in bytes.
const Overhead = recordHeaderSize

const (
	recordHeaderSize = 13
	bootSize         = recordHeaderSize + 8 // bytes of a boot record
	sealSize         = recordHeaderSize     // bytes of a seal
)

// Kinds of records. No kind is zero: zeros are never a record.
const (
	kindBoot  = 1
	kindEntry = 2
	kindSeal  = 3
	kindTrim  = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is one record as it was read; the package comment gives its layout.
type record struct {
	kind    byte
	batch   LSN // where its batch starts
	payload []byte
	sum     uint32 // its checksum
}

func (r record) size() int { return recordHeaderSize + len(r.payload) }

// plausible reports whether the log writes records of this kind and length. That
// is little to ask, but spares most bytes that are none the chance of 2^-32 to
// check.
func (r record) plausible() bool {
	switch r.kind {
	case kindEntry:
		return true
	case kindBoot, kindTrim:
		return len(r.payload) == 8
	}
	return r.kind == kindSeal && len(r.payload) == 0
}

// appendRecord encodes a record at the end of buf. at is its position in the
// log, batch that of its batch.
func appendRecord(buf []byte, salt uint32, at, batch LSN, kind byte, payload []byte) []byte {
	start := len(buf)
	buf = append(slices.Grow(buf, recordHeaderSize+len(payload)), 0, 0, 0, 0)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(payload)))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(at-batch))
	buf = append(buf, kind)
	buf = append(buf, payload...)
	binary.LittleEndian.PutUint32(buf[start:], recordSum(salt, at, buf[start:]))
	return buf
}

// decodeRecord reads the record that starts data and is at a position in the
// log; ok is false if there is none that checks.
func decodeRecord(data []byte, salt uint32, at LSN) (r record, ok bool) {
	r, ok = parseRecord(data, at)
	if !ok || r.sum != recordSum(salt, at, data[:r.size()]) {
		return record{}, false
	}
	return r, true
}

// parseRecord reads what may be a record, whether it checks or not; ok is false
// if it cannot be one.
func parseRecord(data []byte, at LSN) (r record, ok bool) {
	if len(data) < recordHeaderSize || data[12] == 0 {
		return record{}, false
	}
	length := binary.LittleEndian.Uint32(data[4:])
	back := LSN(binary.LittleEndian.Uint32(data[8:]))
	if length > MaxPayload || int(length) > len(data)-recordHeaderSize || back > at {
		return record{}, false
	}
	end := recordHeaderSize + int(length)
	return record{
		kind: data[12], batch: at - back, payload: data[recordHeaderSize:end:end], sum: storedSum(data),
	}, true
}

// recordSum is the checksum of an encoded record at a position.
func recordSum(salt uint32, at LSN, encoded []byte) uint32 {
	return crc32.Update(checksumSeed(salt, at), castagnoli, encoded[4:])
}

// storedSum is the checksum that an encoded record carries.
func storedSum(encoded []byte) uint32 { return binary.LittleEndian.Uint32(encoded) }

// saltOf makes the checksums of one log differ from those of all others.
func saltOf(id Identity) uint32 { return crc32.Checksum(id.Incarnation[:], castagnoli) }

// checksumSeed is where the checksum of the record at a position starts from. For
// positions in the same 4 GiB it is a bijection (of odd multiplier and
// xorshift; the constants are those of the MurmurHash3 finaliser).
func checksumSeed(salt uint32, at LSN) uint32 {
	x := (uint32(at) ^ uint32(at>>32)*0xc2b2ae35) * 0x85ebca6b
	return salt ^ x ^ x>>16
}

// encodeNumber is the payload of a boot or a trim.
func encodeNumber(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// payloadNumber is the number that a boot or a trim carries; 0 if it has none.
func payloadNumber(r record) uint64 {
	if len(r.payload) != 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(r.payload)
}
