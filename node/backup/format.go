package backup

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// Errors about the file of a backup. All are wrapped.
var (
	// ErrDamaged: the file was changed, or a part of it is missing.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrFormat: the file is no backup, or of a version that this program does not read.
	ErrFormat = errors.New("not a backup that this program reads")
	// ErrContent: the file holds values that no cluster can hold.
	ErrContent = errors.New("the backup is not valid")
)

// Format is the version of the file that this program writes and reads.
const Format = 1

// magic begins every backup.
const magic = "lockstep-backup\n"

// A file is magic and frames. A frame is the length of its payload, a checksum (CRC32C)
// of that length and the payload, and the payload, of which the first byte is the kind.
// Numbers have four bytes, the lowest first.
const (
	frameHead  = 8
	maxPayload = 16 << 20
)

// The kinds of frames. The header is the first and the trailer the last.
const (
	kindHeader     = 'H'
	kindDefinition = 'D'
	kindMachine    = 'M'
	kindTrailer    = 'T'
)

// Header is the beginning of a backup: where it is from.
type Header struct {
	Format      int       `json:"format"`
	Cluster     string    `json:"cluster"`          // its name; empty: not known, as from directories
	ClusterName string    `json:"cluster_hash"`     // in hexadecimal, the hash of the name by which logs and nodes know it
	Formed      string    `json:"formed,omitempty"` // its id, in hexadecimal
	Members     []uint16  `json:"members,omitempty"`
	Taken       time.Time `json:"taken"` // when the backup began
	Source      Source    `json:"source"`
	FirstSerial uint64    `json:"first_serial"` // from which the cluster counts serials
}

// Source is where the values of a backup are from.
type Source string

// The sources.
const (
	QuorumReads Source = "quorum-reads" // of each machine, while the cluster ran
	Majority    Source = "majority"     // the directories of a majority of the members, stopped
	Minority    Source = "minority"     // of fewer: it may lack committed operations, and hold rejected ones
)

// Describe explains the source to people.
func (s Source) Describe() string {
	switch s {
	case QuorumReads:
		return "each machine was read from a majority while the cluster ran"
	case Majority:
		return "the directories of a majority of the members"
	case Minority:
		return "the directories of too few members: committed operations may be missing, and rejected ones may be in it"
	}
	return string(s)
}

// Summary is the end of a backup.
type Summary struct {
	Definitions uint64
	Machines    uint64   // without the ones that hold definitions
	Digest      [32]byte // SHA-256 of all before the trailer
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// finishFrame fills in the head of a frame that begins at an offset of b and ends with b.
func finishFrame(b []byte, at int) {
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-frameHead))
	binary.LittleEndian.PutUint32(b[at+4:], frameSum(b[at:at+4], b[at+frameHead:]))
}

func frameSum(length, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, payload)
}

const trailerSize = 1 + 32 + 8 + 8

func appendTrailer(b []byte, s Summary) []byte {
	b = append(append(b, kindTrailer), s.Digest[:]...)
	b = binary.LittleEndian.AppendUint64(b, s.Definitions)
	return binary.LittleEndian.AppendUint64(b, s.Machines)
}

func decodeTrailer(payload []byte) (s Summary, ok bool) {
	if len(payload) != trailerSize {
		return s, false
	}
	s.Digest = [32]byte(payload[1:])
	s.Definitions = binary.LittleEndian.Uint64(payload[33:])
	s.Machines = binary.LittleEndian.Uint64(payload[41:])
	return s, true
}

func decodeHeader(payload []byte) (h Header, err error) {
	if err := json.Unmarshal(payload, &h); err != nil {
		return h, fmt.Errorf("%w: its header: %w", ErrFormat, err)
	}
	if h.Format != Format {
		return h, fmt.Errorf("%w: it has format %d, and this program reads %d: use the version that wrote it, or a later one", ErrFormat, h.Format, Format)
	}
	return h, nil
}
