package node

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// ErrNotEmpty is the error of a Restoration into a directory that has a log.
var ErrNotEmpty = errors.New("there is a log already: restore into an empty directory")

// RestorationConfig says which log a Restoration writes.
type RestorationConfig struct {
	ID          ID
	Members     []ID     // all members of the new cluster, this one included
	Cluster     [16]byte // as Config.Cluster of the new cluster
	Incarnation [16]byte // random
	Segment     int      // bytes of a segment of the log
	LogForm     wal.Form // as Config.LogForm
	Origin      Origin
}

// Restoration writes the log of one member of a new cluster. The log begins with values
// that all members have accepted at one ballot, which are therefore chosen. Like a Node
// it does no I/O: its owner executes the requests of Take and reports them to Done. It is
// not safe for concurrent use.
//
// The ballot is of the member with the lowest id in its first boot. That boot is the
// restoration itself, in every log, so no node proposes in it.
type Restoration struct {
	log     *wal.Log
	ballot  Ballot
	meta    fsm.Definition
	first   uint64
	scratch []byte
}

// NewRestoration begins a log in dir, which must have none (ErrNotEmpty).
func NewRestoration(cfg RestorationConfig, dir wal.Dir) (*Restoration, error) {
	check := Defaults()
	check.ID, check.Members, check.Segment, check.LogForm = cfg.ID, cfg.Members, cfg.Segment, cfg.LogForm
	if err := check.Validate(); err != nil {
		return nil, err
	}
	names, err := dir.List()
	if err != nil {
		return nil, err
	}
	if len(names) > 0 {
		return nil, ErrNotEmpty
	}
	log, _, err := wal.Recover(dir, wal.Identity{Cluster: cfg.Cluster, Node: uint16(cfg.ID), Incarnation: cfg.Incarnation},
		wal.Options{Segment: cfg.Segment, Form: cfg.LogForm}, nil)
	if err != nil {
		return nil, err
	}
	r := &Restoration{log: log, ballot: originBallot(cfg.Members), meta: fsm.MetaDefinition(), first: cfg.Origin.FirstSerial}
	text := string(cfg.Origin.encode())
	r.append(notePrefix+originNote, &Value{State: text, StateBefore: text})
	return r, nil
}

// originBallot is the ballot at which all members have accepted the restored values.
func originBallot(members []ID) Ballot {
	return Ballot{Epoch: firstEpoch, Round: 1, Node: slices.Min(members), Boot: 1}
}

// Define adds a definition that clients have created, for the machines that follow. The
// machine that holds it is added as well, by Add.
func (r *Restoration) Define(d *fsm.Definition) error {
	text, err := d.Text()
	if err != nil {
		return err
	}
	v := initial(&r.meta, r.first).withEntry(Entry{ID: lookupID, To: text}, 1)
	r.append(localPrefix+metaKey(d.Name), v)
	return nil
}

// Add adds a machine with its chosen value, which is valid and whose serials are counted
// from the origin's FirstSerial. Each machine is added once.
func (r *Restoration) Add(key string, v *Value) { r.append(key, v) }

func (r *Restoration) append(key string, v *Value) {
	r.scratch = appendRecord(r.scratch[:0], &machine{key: key, promised: r.ballot, accepted: r.ballot, open: &open{value: v}}, true)
	r.log.Append(r.scratch)
}

// Take appends the requests to be executed now, in order, to dst.
func (r *Restoration) Take(dst []wal.DiskRequest) []wal.DiskRequest { return r.log.Take(dst) }

// Done reports that a request was executed, or that it failed.
func (r *Restoration) Done(token uint64, err error) { r.log.Done(token, err) }

// Failed is the error that ended the restoration, or nil.
func (r *Restoration) Failed() error { return r.log.Failed() }

// Backlog is the number of bytes that wait to be durable.
func (r *Restoration) Backlog() int { return int(r.log.End() - r.log.Durable()) }

// Finish requests that all be durable, and that the log mark its end.
func (r *Restoration) Finish() { r.log.SyncMark() }

// Finished reports whether that is so, after Finish.
func (r *Restoration) Finished() bool {
	return r.log.Failed() == nil && r.log.IsMarkSynced() && r.Backlog() == 0
}

// AppendValue appends the encoding of v to b: that of a log record, which docs/BACKUP.md
// describes.
func AppendValue(b []byte, v *Value) []byte {
	return appendValue(b, v)
}

// ParseValue decodes what AppendValue has encoded. Its error wraps ErrRecord. Whether the
// value is valid for a machine is for CheckValue.
func ParseValue(b []byte) (*Value, error) {
	r := newRecordReader(b)
	v := r.value(nil)
	if r.bad || len(r.rest) > 0 {
		return nil, errRecord("a value: it ends too early or too late")
	}
	return v, nil
}

// CheckValue returns an error if v is invalid as the value of a machine defined by d, in
// a cluster that counts serials from first.
func CheckValue(v *Value, d *fsm.Definition, first uint64) error {
	if err := v.check(d, first); err != nil {
		return fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return nil
}

// Recount returns v with its serials counted from another serial.
func (v *Value) Recount(from, to uint64) *Value {
	w := *v
	w.Serial = v.Serial - from + to
	return &w
}
