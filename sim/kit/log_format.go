package kit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/lockstep-dst/lockstep/sim/disk"
)

// The file of a Log is a header and records, in little endian. The base is the records
// that the file was created with; the header gives its length.
//
//	header                               record
//	 0  "kit log1"                        0  CRC32C of generation, offset, and the rest
//	 8  generation                        4  bytes of payload
//	16  boots                             8  1 + bytes since the start of its batch
//	24  bytes of the base                12  payload
//	32  CRC32C of the bytes before
//
// A record is valid at its offset in a file of its generation only, so no older bytes,
// and none that a disk has put elsewhere, pass for one.
const (
	magic            = "kit log1"
	headerSize       = 36
	recordHeaderSize = 12
)

// MaxRecord is the largest record of a Log, in bytes.
const MaxRecord = 16 << 20

// ErrDamaged is wrapped by the error of a log that has lost records which were durable.
var ErrDamaged = errors.New("the log has lost durable records")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func recordSize(payload []byte) int64 { return recordHeaderSize + int64(len(payload)) }

// appendRecord encodes a record at the end of batch, which starts at an offset of the file.
func appendRecord(batch []byte, generation uint64, start int64, payload []byte) []byte {
	at := len(batch)
	batch = binary.LittleEndian.AppendUint32(batch, 0)
	batch = binary.LittleEndian.AppendUint32(batch, uint32(len(payload)))
	batch = binary.LittleEndian.AppendUint32(batch, uint32(at)+1)
	batch = append(batch, payload...)
	binary.LittleEndian.PutUint32(batch[at:], recordSum(batch[at:], generation, start+int64(at)))
	return batch
}

func recordSum(record []byte, generation uint64, offset int64) uint32 {
	var place [16]byte
	binary.LittleEndian.PutUint64(place[:], generation)
	binary.LittleEndian.PutUint64(place[8:], uint64(offset))
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, record[4:])
}

// appendBase encodes a file with its base.
func appendBase(generation, boots uint64, records [][]byte) []byte {
	var base []byte
	for _, r := range records {
		base = appendRecord(base, generation, headerSize, r)
	}
	file := binary.LittleEndian.AppendUint64([]byte(magic), generation)
	file = binary.LittleEndian.AppendUint64(file, boots)
	file = binary.LittleEndian.AppendUint64(file, uint64(len(base)))
	file = binary.LittleEndian.AppendUint32(file, crc32.Checksum(file, castagnoli))
	return append(file, base...)
}

// decodeRecord returns the record at an offset of a file, and where its batch starts; ok
// is false if no valid record is there.
func decodeRecord(file []byte, generation uint64, at int64) (payload []byte, batch int64, ok bool) {
	data := file[at:]
	if len(data) < recordHeaderSize {
		return nil, 0, false
	}
	size, back := int64(binary.LittleEndian.Uint32(data[4:])), int64(binary.LittleEndian.Uint32(data[8:]))
	if back == 0 || size > int64(len(data))-recordHeaderSize {
		return nil, 0, false
	}
	data = data[:recordHeaderSize+size]
	if binary.LittleEndian.Uint32(data) != recordSum(data, generation, at) {
		return nil, 0, false
	}
	return data[recordHeaderSize:], at + 1 - back, true
}

// recover reads the file of l, if there is one: its header, and its records up to a torn
// tail.
func (l *Log) recover(d disk.View) (records [][]byte, err error) {
	file, err := d.Read(l.name)
	if errors.Is(err, disk.ErrNoFile) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(file) < headerSize || string(file[:8]) != magic || crc32.Checksum(file[:headerSize-4], castagnoli) != binary.LittleEndian.Uint32(file[headerSize-4:]) {
		return nil, fmt.Errorf("%w: its header is not valid", ErrDamaged) // it was durable before the file had its name
	}
	l.generation, l.boots = binary.LittleEndian.Uint64(file[8:]), binary.LittleEndian.Uint64(file[16:])
	at, base := int64(headerSize), headerSize+int64(binary.LittleEndian.Uint64(file[24:]))
	for {
		payload, _, ok := decodeRecord(file, l.generation, at)
		if !ok {
			break
		}
		records = append(records, payload)
		at += recordSize(payload)
	}
	if at < base {
		return nil, fmt.Errorf("%w: no valid record at byte %d, and all up to %d were durable", ErrDamaged, at, base)
	}
	for later := at + 1; later < int64(len(file)); later++ {
		if _, batch, ok := decodeRecord(file, l.generation, later); ok && batch > at {
			return nil, fmt.Errorf("%w: no valid record at byte %d, and there is one at %d, of a later batch", ErrDamaged, at, later)
		}
	}
	return records, nil
}
