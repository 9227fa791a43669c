package wal

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// MaxPayload is the maximum payload of a record, in bytes.
const MaxPayload = 1 << 20

// Overhead is the number of bytes that the log adds to each entry.
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

// record is a record that was read; the package comment gives its layout.
type record struct {
	kind    byte
	batch   LSN // where its batch starts
	payload []byte
	sum     uint32 // its checksum
}

func (r record) size() int { return recordHeaderSize + len(r.payload) }

// plausible reports whether the log writes records of this kind and length. This
// cheap test excludes most bytes that are not records, each of which would otherwise
// pass the checksum with a probability of 2^-32.
func (r record) plausible() bool {
	switch r.kind {
	case kindEntry:
		return true
	case kindBoot, kindTrim:
		return len(r.payload) == 8
	}
	return r.kind == kindSeal && len(r.payload) == 0
}

// appendRecord encodes a record at the end of buf. at is the record's position in
// the log, batch the position of its batch.
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

// decodeRecord reads the record at the start of data; ok is false if no valid record
// is there. at is the position of data in the log.
func decodeRecord(data []byte, salt uint32, at LSN) (r record, ok bool) {
	r, ok = parseRecord(data, at)
	if !ok || r.sum != recordSum(salt, at, data[:r.size()]) {
		return record{}, false
	}
	return r, true
}

// parseRecord reads a record without checking its checksum; ok is false if the bytes
// cannot be a record at position at.
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

// storedSum returns the checksum in an encoded record.
func storedSum(encoded []byte) uint32 { return binary.LittleEndian.Uint32(encoded) }

// saltOf returns the part of the checksum seed that differs from log to log.
func saltOf(id Identity) uint32 { return crc32.Checksum(id.Incarnation[:], castagnoli) }

// checksumSeed is the initial state of the checksum of the record at a position. For
// positions in the same 4 GiB it is a bijection (odd multiplier and xorshift; the
// constants come from the MurmurHash3 finaliser).
func checksumSeed(salt uint32, at LSN) uint32 {
	x := (uint32(at) ^ uint32(at>>32)*0xc2b2ae35) * 0x85ebca6b
	return salt ^ x ^ x>>16
}

// encodeNumber encodes the payload of a boot or trim record.
func encodeNumber(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// payloadNumber returns the number in a boot or trim record; 0 if there is none.
func payloadNumber(r record) uint64 {
	if len(r.payload) != 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(r.payload)
}
