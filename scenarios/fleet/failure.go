package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Bounds of the tries of a job, until its trouble becomes its result.
const (
	MaxFailures      = 4   // of two workers at least, or of the only one
	maxFailuresAlone = 100 // of one worker, while others that could have the job do not take it
)

// failureKind is the kind of tries that failed: KIND-KEY-NUMBER, with numbers from 0 on.
const failureKind Kind = "failure"

// failure is a try of a job that failed.
type failure struct {
	Worker  string `json:"worker"`
	Trouble string `json:"trouble"`
}

// errMachine is wrapped by errors that are the machine's, and say nothing of the program.
var errMachine = errors.New("this machine cannot run the program")

// giveUp makes the trouble of a job its result if enough tries have failed. One counts if it is
// the program's.
func (w *Worker) giveUp(ctx context.Context, c *Campaign, lease Lease, trouble error, result any) error {
	if ctx.Err() != nil || !errors.Is(trouble, ErrProgram) {
		return trouble
	}
	if err := CheckDir(w.Dir); err != nil {
		return fmt.Errorf("%w: %w", err, trouble)
	}
	job := lease.Job()
	failures, err := w.note(ctx, c, &job, &failure{w.Name, shorten(trouble.Error(), maxTrouble)})
	if err != nil || !w.areEnough(ctx, c, failures) {
		return errors.Join(trouble, err)
	}
	data, err := json.Marshal(result)
	if err != nil {
		return err
	}
	w.Log.Error("a job is given up", "campaign", job.Campaign, "kind", job.Kind, "key", job.Key(), "error", trouble)
	_, err = w.Queue.Put(ctx, c, job.Kind, job.Key(), data)
	return err
}

// note adds a failure to the earlier ones of a job, and returns the workers of all.
func (w *Worker) note(ctx context.Context, c *Campaign, job *Job, f *failure) (workers []string, err error) {
	mine, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	for len(workers) < maxFailuresAlone {
		key := fmt.Sprintf("%s-%s-%d", job.Kind, job.Key(), len(workers))
		kept, err := w.Queue.Result(ctx, c, failureKind, key)
		isNext := errors.Is(err, ErrNoResult)
		if isNext {
			kept, err = w.Queue.Put(ctx, c, failureKind, key, mine)
		}
		if err != nil {
			return nil, err
		}
		var of failure
		_ = json.Unmarshal(kept, &of) // one that a stranger has damaged counts as one of no name
		workers = append(workers, of.Worker)
		if isNext && bytes.Equal(kept, mine) {
			break
		}
	}
	return workers, nil
}

func (w *Worker) areEnough(ctx context.Context, c *Campaign, failed []string) bool {
	different := map[string]bool{}
	for _, worker := range failed {
		different[worker] = true
	}
	return len(failed) >= maxFailuresAlone || len(failed) >= MaxFailures && (len(different) > 1 || !w.hasOthers(ctx, c))
}

// CheckDir returns an error about a directory for temporary files that cannot have the files
// of a range. An empty name is the system's.
func CheckDir(dir string) error {
	in, err := os.MkdirTemp(dir, "lockstep-fleet-*")
	if err == nil {
		err = errors.Join(os.WriteFile(filepath.Join(in, "state.json"), make([]byte, MaxResult), 0o600), os.RemoveAll(in))
	}
	if err != nil {
		return fmt.Errorf("%w: its directory for temporary files: %w", errMachine, err)
	}
	return nil
}
