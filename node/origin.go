package node

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Origin is the description of a backup in a log that was restored from it. It is a note of the
// log, written before all that was restored.
type Origin struct {
	ID          [32]byte // equal for members that hold the same: a hash over the backup, and the new cluster's name and members
	Backup      [32]byte // the backup's digest, for people
	FirstSerial uint64   // from which the serials of all machines are counted; above all serials of the cluster backed up
}

// ClusterID returns the id that nodes and logs know a cluster's name by: sixteen bytes of a
// hash.
func ClusterID(name string) [16]byte {
	sum := sha256.Sum256([]byte("lockstep cluster " + name))
	return [16]byte(sum[:16])
}

// originNote is the name of the note with the Origin.
const originNote = "origin"

// originVersion is the first byte of the note. Another one is of a later version.
const originVersion = 1

func (o *Origin) encode() []byte {
	b := append([]byte{originVersion}, o.ID[:]...)
	b = append(b, o.Backup[:]...)
	return binary.AppendUvarint(b, o.FirstSerial)
}

func decodeOrigin(note []byte) (o Origin, err error) {
	const fixed = 1 + len(o.ID) + len(o.Backup)
	if len(note) <= fixed || note[0] != originVersion {
		return o, errRecord("the note on the backup that the log was restored from is of another version")
	}
	o.ID, o.Backup = [32]byte(note[1:]), [32]byte(note[1+len(o.ID):])
	first, n := binary.Uvarint(note[fixed:])
	if n <= 0 || fixed+n != len(note) || first > MaxFirstSerial {
		return o, errRecord("the note on the backup that the log was restored from: its first serial is unreadable")
	}
	o.FirstSerial = first
	return o, nil
}

// String formats the digest of the backup for people, as much as tells backups apart.
func (o *Origin) String() string { return fmt.Sprintf("%x", o.Backup[:8]) }

// recoverOrigin reads the log's note on its origin, if there is one.
func (n *Node) recoverOrigin() error {
	note := n.Note(originNote)
	if note == nil {
		return nil
	}
	o, err := decodeOrigin(note)
	if err != nil {
		return err
	}
	n.origin, n.firstSerial = &o, o.FirstSerial
	return nil
}

// Origin is the backup that the log was restored from; nil: the log began empty. It is
// known once the node has booted.
func (n *Node) Origin() *Origin { return n.origin }

// MaxFirstSerial bounds the serial from which a cluster may count. It leaves each machine
// as many serials again.
const MaxFirstSerial = maxSerial / 2

// serialGap is the number of serials between those of a cluster and of one that is
// restored from its backup. No machine makes as many entries after a backup: at 25,000
// a second it takes a year and a half.
const serialGap = 1 << 40

// FirstSerialAfter returns the serial from which a cluster counts that is restored from
// a backup of one that counts from first. variant, any number, tells apart clusters that
// are restored from the same backup.
func FirstSerialAfter(first, variant uint64) (uint64, error) {
	next := (first/serialGap + 1 + variant%1024) * serialGap
	if first > MaxFirstSerial || next > MaxFirstSerial {
		return 0, fmt.Errorf("%w: serials are counted from %d: there are too few left for another restoration", ErrConfig, first)
	}
	return next, nil
}

// OriginIn returns the origin of a log that was inspected; nil: it began empty.
func OriginIn(x *LogInspection) (*Origin, error) {
	for _, note := range x.Notes {
		if note.Name == originNote {
			o, err := decodeOrigin(note.Data)
			return &o, err
		}
	}
	return nil, nil
}
