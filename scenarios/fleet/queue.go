package fleet

import (
	"context"
	"errors"
	"io"
	"time"
)

// Errors of a Queue.
var (
	ErrNoJob     = errors.New("no job is waiting")
	ErrNoResult  = errors.New("no result yet")
	ErrNoProgram = errors.New("the queue does not have this program")
	ErrRemoved   = errors.New("it was removed")
	ErrConflict  = errors.New("there is another campaign of this name")
)

// MaxResult bounds a result, in bytes.
const MaxResult = 960 << 10

// Bounds of programs in a queue, in bytes.
const (
	MaxProgram  = 256 << 20
	MaxPrograms = 4 << 30 // together
)

// Queue is shared by the machines of a fleet: campaigns, their jobs and results. It is
// safe for concurrent use.
type Queue interface {
	// AddCampaign adds a campaign, and gives it an id. The same campaign again has no effect
	// but that it gets the id of the one that is there; another one of its name is ErrConflict.
	AddCampaign(ctx context.Context, c *Campaign) error

	// Campaigns lists the campaigns by name.
	Campaigns(ctx context.Context) ([]*Campaign, error)

	// AddJobs adds jobs of a campaign. One that is in the queue already, waiting or leased, stays as it is;
	// one that is done may count as there for a moment more.
	AddJobs(ctx context.Context, c *Campaign, jobs []Job) error

	// Take leases a job of a kind, or returns ErrNoJob.
	Take(ctx context.Context, c *Campaign, kind Kind) (Lease, error)

	// Put keeps the result of a job, unless there is one. It returns the one that is kept.
	Put(ctx context.Context, c *Campaign, kind Kind, key string, result []byte) (kept []byte, err error)

	// Result returns the result of a job, or ErrNoResult.
	Result(ctx context.Context, c *Campaign, kind Kind, key string) ([]byte, error)

	// Results calls f with all results of a kind, in any order.
	Results(ctx context.Context, c *Campaign, kind Kind, f func(key string, result []byte)) error

	// Done lists the jobs of a kind that have a result, by key, in any order.
	Done(ctx context.Context, c *Campaign, kind Kind) (keys []string, err error)

	// Left counts the jobs of a kind that wait and that are leased.
	Left(ctx context.Context, c *Campaign, kind Kind) (Left, error)

	// PutProgram keeps a program under its hash, unless it is there.
	PutProgram(ctx context.Context, hash string, program io.Reader) error

	// Program returns a program, or ErrNoProgram. The reader is to be closed.
	Program(ctx context.Context, hash string) (io.ReadCloser, error)

	// Remove removes the campaign of a name with its jobs and results, and with its program
	// if no other campaign has the same. It removes also the remains of earlier ones.
	Remove(ctx context.Context, name string) error

	// Beat tells of a worker, for a minute.
	Beat(ctx context.Context, w *WorkerStatus) error

	// Workers lists the workers of the last minute by name.
	Workers(ctx context.Context) ([]*WorkerStatus, error)
}

// Left counts the jobs of a campaign that are not done.
type Left struct {
	Waiting int `json:"waiting"`
	Leased  int `json:"leased"`
}

// Lease is a job of one worker. It ends after Expiry, when the job goes to another worker,
// unless it is extended.
type Lease interface {
	Job() Job
	Delivery() int // 1 for the first worker that has the job
	Expiry() time.Duration
	Extend(ctx context.Context) error
	Done(ctx context.Context) error                        // takes the job out of the queue
	Return(ctx context.Context, delay time.Duration) error // gives the job to another worker, not before the delay
}

// WorkerStatus is the report of a worker on itself.
type WorkerStatus struct {
	Name    string    `json:"name"`
	Build   string    `json:"build"`             // of its own program; empty: it has none
	Accepts bool      `json:"accepts,omitempty"` // it runs programs of the queue
	Since   time.Time `json:"since"`
	Seeds   uint64    `json:"seeds"` // that it has run
	Jobs    uint64    `json:"jobs"`  // that it has done
	Now     string    `json:"now"`   // its work
}
