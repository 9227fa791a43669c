package backup

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// ErrSameCluster is wrapped by the error for a new cluster with the name of the old one.
var ErrSameCluster = errors.New("the new cluster has the name of the one that was backed up: give it another, so that the nodes of both refuse each other")

// Target is the member of a new cluster that a backup is restored to.
type Target struct {
	Cluster string    // name of the new cluster
	ID      node.ID   // of the member
	Members []node.ID // of the new cluster, all of them
	Data    string    // the member's directory: new, or empty
	LogForm wal.Form  // of its log
}

// maxBacklog bounds the bytes of a log that wait to be written.
const maxBacklog = 4 << 20

// Restore writes the directory of one member of a new cluster. It reads the backup twice:
// nothing is written before all of it is known to be sound. The directory is refused by
// nodes until it is complete.
func Restore(in io.ReadSeeker, t Target) (Summary, error) {
	header, summary, err := Check(in)
	if err != nil {
		return summary, err
	}
	name := node.ClusterID(t.Cluster)
	if hex.EncodeToString(name[:]) == header.ClusterName {
		return summary, fmt.Errorf("%w: %q", ErrSameCluster, t.Cluster)
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return summary, err
	}
	origin, err := newOrigin(&header, &summary, &t)
	if err != nil {
		return summary, err
	}
	dir, err := files.Restore(t.Data)
	if err != nil {
		return summary, err
	}
	if err := write(in, &header, dir, &t, origin); err != nil {
		return summary, errors.Join(err, dir.Close())
	}
	return summary, dir.Close()
}

// newOrigin returns the origin of the logs of all members of a new cluster: a function of
// what all are restored with.
func newOrigin(h *Header, s *Summary, t *Target) (node.Origin, error) {
	sum := sha256.New()
	sum.Write([]byte("lockstep origin "))
	sum.Write(s.Digest[:])
	name := node.ClusterID(t.Cluster)
	sum.Write(name[:])
	for _, id := range slices.Sorted(slices.Values(t.Members)) {
		sum.Write(binary.LittleEndian.AppendUint16(nil, uint16(id)))
	}
	o := node.Origin{ID: [32]byte(sum.Sum(nil)), Backup: s.Digest}
	first, err := node.FirstSerialAfter(h.FirstSerial, binary.LittleEndian.Uint64(o.ID[:]))
	o.FirstSerial = first
	return o, err
}

// write writes the log of a member from a backup that was checked.
func write(in io.Reader, h *Header, dir *files.Dir, t *Target, origin node.Origin) error {
	cfg := node.RestorationConfig{
		ID: t.ID, Members: t.Members, Cluster: node.ClusterID(t.Cluster), Segment: node.Defaults().Segment, Origin: origin, LogForm: t.LogForm,
	}
	rand.Read(cfg.Incarnation[:])
	log, err := node.NewRestoration(cfg, dir)
	if err != nil {
		return err
	}
	b, err := NewReader(in)
	if err != nil {
		return err
	}
	for {
		r, err := b.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if r.Definition != nil {
			if err := log.Define(r.Definition); err != nil {
				return err
			}
		}
		log.Add(r.Key, r.Value.Recount(h.FirstSerial, origin.FirstSerial))
		if log.Backlog() > maxBacklog {
			execute(log, dir)
		}
		if err := log.Failed(); err != nil {
			return err
		}
	}
	if b.Summary().Digest != origin.Backup {
		return fmt.Errorf("%w: it has changed while it was being restored", ErrDamaged)
	}
	log.Finish()
	execute(log, dir)
	if err := log.Failed(); err != nil {
		return err
	}
	if !log.Finished() {
		return errors.New("backup: the log does not become durable")
	}
	return dir.Restored()
}

// execute carries out all that a log asks for.
func execute(log *node.Restoration, dir *files.Dir) {
	var reqs []wal.DiskRequest
	for {
		if reqs = log.Take(reqs[:0]); len(reqs) == 0 {
			return
		}
		for i := range reqs {
			if log.Done(reqs[i].Token, dir.Execute(&reqs[i])); log.Failed() != nil {
				return
			}
		}
	}
}
