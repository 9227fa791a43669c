package natsqueue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/nats-io/nats.go/jetstream"
)

// programTimeout bounds the time in which a program is read or written.
const programTimeout = 10 * time.Minute

// errFull is wrapped by the error about a queue with too many programs.
var errFull = errors.New("the queue has no room for the program")

// programs opens the bucket of programs. Few need it, and a worker may have no right to it.
func (q *Queue) programs(ctx context.Context) (jetstream.ObjectStore, error) {
	bucket, err := q.js.ObjectStore(ctx, programsBucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %s of the fleet: %w: fleet serve of this version makes it; may this user read it?", programsBucket, err)
	}
	return bucket, nil
}

// PutProgram implements fleet.Queue.
func (q *Queue) PutProgram(ctx context.Context, hash string, program io.Reader) error {
	bucket, err := q.programs(ctx)
	if err != nil {
		return err
	}
	all, err := list(ctx, bucket)
	if err != nil {
		return err
	}
	if err := q.dropParts(ctx, all, programTimeout); err != nil {
		return err
	}
	var size uint64
	for _, o := range all {
		if o.Name == hash {
			return nil
		}
		size += o.Size
	}
	if size > fleet.MaxPrograms-fleet.MaxProgram {
		return fmt.Errorf("%w: it has %d programs of %d MB together: remove campaigns that have ended", errFull, len(all), size>>20)
	}
	ctx, cancel := context.WithTimeout(ctx, programTimeout) // in place of some seconds for each part
	defer cancel()
	_, err = bucket.Put(ctx, jetstream.ObjectMeta{Name: hash}, program)
	return err
}

// Program implements fleet.Queue. The parts are asked for one by one: see keysOf.
func (q *Queue) Program(ctx context.Context, hash string) (io.ReadCloser, error) {
	bucket, err := q.programs(ctx)
	if err != nil {
		return nil, err
	}
	about, err := bucket.GetInfo(ctx, hash)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, fleet.ErrNoProgram
	}
	if err != nil {
		return nil, err
	}
	stream, err := q.js.Stream(ctx, "OBJ_"+programsBucket)
	if err != nil {
		return nil, err
	}
	r := &reader{stream: stream, subject: fmt.Sprintf("$O.%s.C.%s", programsBucket, about.NUID), parts: about.Chunks}
	r.ctx, r.cancel = context.WithTimeout(ctx, programTimeout)
	return r, nil
}

// reader is a program that is read; Close ends its timeout.
type reader struct {
	ctx     context.Context
	cancel  context.CancelFunc
	stream  jetstream.Stream
	subject string // of its parts
	parts   uint32 // that are still to come
	next    uint64 // the least number of the next one
	rest    []byte // of the last one
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.parts == 0 {
			return 0, io.EOF
		}
		m, err := r.stream.GetMsg(r.ctx, r.next, jetstream.WithGetMsgSubject(r.subject))
		if err != nil {
			return 0, err
		}
		r.rest, r.next = m.Data, m.Sequence+1
		r.parts--
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.cancel()
	return nil
}

func list(ctx context.Context, bucket jetstream.ObjectStore) ([]*jetstream.ObjectInfo, error) {
	all, err := bucket.List(ctx)
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, nil
	}
	return all, err
}

// dropPrograms removes the programs that no campaign needs.
func (q *Queue) dropPrograms(ctx context.Context) error {
	campaigns, err := q.Campaigns(ctx)
	if err != nil {
		return err
	}
	bucket, err := q.programs(ctx)
	if err != nil {
		return err
	}
	used := fleet.Programs(campaigns)
	all, err := list(ctx, bucket)
	for _, o := range all {
		if !used[o.Name] {
			err = errors.Join(err, bucket.Delete(ctx, o.Name))
		}
	}
	return errors.Join(err, q.dropParts(ctx, all, programTimeout))
}

// dropParts removes the parts of uploads that were broken off: of no program in the list, and
// none has come for a time.
func (q *Queue) dropParts(ctx context.Context, programs []*jetstream.ObjectInfo, older time.Duration) error {
	const parts = "$O." + programsBucket + ".C."
	s, err := q.js.Stream(ctx, "OBJ_"+programsBucket)
	if err != nil {
		return err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(parts+"*"))
	if err != nil {
		return err
	}
	for _, o := range programs {
		delete(info.State.Subjects, parts+o.NUID)
	}
	for subject := range info.State.Subjects {
		last, err := s.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && time.Since(last.Time) < older {
			continue
		}
		if err := errors.Join(err, s.Purge(ctx, jetstream.WithPurgeSubject(subject))); err != nil {
			return err
		}
	}
	return nil
}
