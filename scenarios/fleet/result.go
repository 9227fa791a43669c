package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
)

// ErrResult is wrapped by errors about a result.
var ErrResult = errors.New("not a result of a fleet")

// RangeResult is the result of a range.
type RangeResult struct {
	Worker  string          `json:"worker"`
	State   json.RawMessage `json:"state,omitempty"`   // of the campaign of these seeds
	Trouble string          `json:"trouble,omitempty"` // in place of a state: why there is none, after MaxFailures
}

// conflictKind is the kind of a second result of a range that is not the first one.
const conflictKind Kind = "conflict"

// Bounds of texts in results.
const (
	maxWorkerName = 128
	maxTrouble    = 4 << 10
)

// parseRange parses the result of a range, which comes from a stranger.
func parseRange(data []byte, c *Campaign, i int) (*RangeResult, *campaign.Part, error) {
	var r RangeResult
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrResult, err)
	}
	if len(r.Worker) > maxWorkerName || len(r.Trouble) > maxTrouble || (r.Trouble == "") == (len(r.State) == 0) {
		return nil, nil, fmt.Errorf("%w: want the name of a worker, and a state or a trouble", ErrResult)
	}
	if r.Trouble != "" {
		return &r, nil, nil
	}
	first, seeds := c.Range(i)
	part, err := c.Accept(r.State, first, seeds)
	return &r, part, err
}

// TriageResult is the result of the second run of a failure.
type TriageResult struct {
	Worker    string          `json:"worker"`
	Job       Job             `json:"job"`
	Confirmed bool            `json:"confirmed"`   // the run had the same hash and signature
	Hash      uint64          `json:"hash,string"` // of the run; as text, since it may have more digits than a number of JavaScript
	Signature string          `json:"signature"`   // of the run; empty: it did not fail
	Verdict   string          `json:"verdict,omitempty"`
	Plan      json.RawMessage `json:"plan,omitempty"` // made small, or as it was found
	Trouble   string          `json:"trouble,omitempty"`
}

// maxVerdict bounds the text of a verdict in a result, in bytes.
const maxVerdict = 32 << 10

// parseTriage parses the result of a triage of a campaign, which comes from a stranger.
func parseTriage(data []byte, c *Campaign) (*TriageResult, error) {
	var r TriageResult
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResult, err)
	}
	if len(r.Worker) > maxWorkerName || len(r.Trouble) > maxTrouble || len(r.Verdict) > maxVerdict || len(r.Job.Signature) > maxSignature || len(r.Signature) > maxSignature || len(r.Plan) > maxPlan {
		return nil, fmt.Errorf("%w: a text in it is longer than it can be", ErrResult)
	}
	if r.Job.Kind != TriageKind {
		return nil, fmt.Errorf("%w: it is of a job of kind %.40q, want %s", ErrResult, r.Job.Kind, TriageKind)
	}
	return &r, r.Job.check(c)
}

// shorten returns the end of a text of at most a number of bytes, which are UTF-8: as JSON has
// it, in which other bytes would become longer.
func shorten(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	return strings.ToValidUTF8(text[max(0, len(text)-limit):], "")
}

// begin returns the beginning of a text in the same way.
func begin(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}

func formatHash(hash uint64) string { return fmt.Sprintf("%016x", hash) }
