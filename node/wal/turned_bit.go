package wal

import "bytes"

// A crash leaves each byte of a batch as it was written or as it was before. If files
// were never reused, it was zero before. So a byte that is neither is damage, also at
// the end of the log, where nothing follows that would prove it: the bytes of a torn
// write are those of a record, with zeros in them. One turned bit can be seen, since
// the record checks when it is turned back.
//
// Of old content in a reused file nothing is known, so a turned bit may pass there for
// a torn tail.

// maxTurned bounds the payload in which a turned bit is sought: the time grows with the
// square of it, and with every bit the chance that torn bytes check by accident.
const maxTurned = 4 << 10

// sectorSize is the least that a disk writes at once, in bytes. Only the chance of an
// accident depends on it.
const sectorSize = 512

// checkTurnedBit checks that the invalid bytes at an offset are not a record with one
// bit turned.
func (h *replay) checkTurnedBit(s *segment, torn int) error {
	if h.first > 1 || s.header.version < 4 {
		return nil // files may have been reused, or were never filled with zeros
	}
	if bit, found := h.findTurnedBit(s, torn); found {
		return s.damaged(torn, "the record there checks when bit %d of the byte at offset %d is turned, and no torn write leaves that", bit%8, torn+bit/8)
	}
	return nil
}

// findTurnedBit returns the bit, counted from an offset, that makes a valid record of
// the bytes there when it is turned.
func (h *replay) findTurnedBit(s *segment, offset int) (bit int, found bool) {
	data := bytes.Clone(s.data[offset:min(len(s.data), offset+recordHeaderSize+MaxPayload)])
	bits := 8 * min(len(data), recordHeaderSize)
	if r, ok := parseRecord(data, s.lsn(offset)); ok && len(r.payload) <= maxTurned {
		bits = 8 * r.size()
	}
	for bit = range bits {
		data[bit/8] ^= 1 << (bit % 8)
		r, ok := decodeRecord(data, s.salt, s.lsn(offset))
		ok = ok && r.plausible() && (r.batch == s.lsn(offset) || r.batch == h.batch)
		data[bit/8] ^= 1 << (bit % 8)
		if ok && data[bit/8] != 0 && !lacksSector(data[:r.size()], offset) {
			return bit, true
		}
	}
	return 0, false
}

// lacksSector reports whether some sector has only zeros of a record at an offset: that
// sector of the write may be lost.
func lacksSector(record []byte, offset int) bool {
	for len(record) > 0 {
		n := min(len(record), sectorSize-offset%sectorSize)
		if len(bytes.TrimLeft(record[:n], "\x00")) == 0 {
			return true
		}
		record, offset = record[n:], offset+n
	}
	return false
}
