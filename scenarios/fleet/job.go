package fleet

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// ErrJob is wrapped by errors about a job.
var ErrJob = errors.New("not a job of a fleet")

// Kind is the kind of a job.
type Kind string

// The kinds. Triage comes first, and repetition last.
const (
	RangeKind  Kind = "range"  // to run a range of seeds
	RepeatKind Kind = "repeat" // to run a range a second time, on another worker, and compare
	TriageKind Kind = "triage" // to run the first failure of a signature once more, and to make its plan small
)

// Kinds lists the kinds, in the order in which they are to be done.
func Kinds() []Kind { return []Kind{TriageKind, RangeKind, RepeatKind} }

// Job is a piece of work. Its result has the name Key in the campaign.
type Job struct {
	Campaign string `json:"campaign"`
	Kind     Kind   `json:"kind"`
	Range    int    `json:"range"` // for triage the range with the failure

	Signature string `json:"signature,omitempty"` // for triage
	Seed      uint64 `json:"seed,omitempty,string"`
	Hash      uint64 `json:"hash,omitempty,string"` // of the run of the seed
	Finder    string `json:"finder,omitempty"`      // the worker that has found it
}

// Key names the job among the jobs of its kind: a word of letters and digits.
func (j *Job) Key() string {
	if j.Kind == TriageKind {
		return SignatureKey(j.Signature)
	}
	return strconv.Itoa(j.Range)
}

// SignatureKey is a word for a signature, which may have any characters.
func SignatureKey(signature string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(signature)))[:32]
}

// maxSignature bounds a signature, in bytes.
const maxSignature = 1 << 10

// ParseJob parses a job of a campaign, which may come from a stranger.
func ParseJob(data []byte, c *Campaign) (j Job, err error) {
	if err := json.Unmarshal(data, &j); err != nil {
		return j, fmt.Errorf("%w: %w", ErrJob, err)
	}
	return j, j.check(c)
}

// check names the first field that does not fit a campaign.
func (j *Job) check(c *Campaign) error {
	switch {
	case j.Campaign != c.Name:
		return fmt.Errorf("%w: it is of campaign %q, want %q", ErrJob, j.Campaign, c.Name)
	case !slices.Contains(Kinds(), j.Kind):
		return fmt.Errorf("%w: kind %.40q: want one of %v", ErrJob, j.Kind, Kinds())
	case j.Range < 0 || j.Range >= c.Ranges():
		return fmt.Errorf("%w: range %d: want 0 to %d", ErrJob, j.Range, c.Ranges()-1)
	}
	first, seeds := c.Range(j.Range)
	if j.Kind == TriageKind && (j.Signature == "" || len(j.Signature) > maxSignature || j.Seed < first || j.Seed-first >= seeds) {
		return fmt.Errorf("%w: signature %.40q, seed %d: want a signature, and a seed of range %d", ErrJob, j.Signature, j.Seed, j.Range)
	}
	return nil
}
