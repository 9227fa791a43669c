package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// Verdict is the verdict of a campaign in one word.
type Verdict string

// The verdicts. A campaign has one when all is done, also triage and repetition, and is
// running before; the first that holds counts.
const (
	HarnessFault Verdict = "harness-fault" // runs of one seed differed, or a range has no result
	Failed       Verdict = "failed"
	Undecided    Verdict = "undecided"
	Passed       Verdict = "passed"
	Running      Verdict = "running"
)

// Report is the state of a campaign.
type Report struct {
	Name      string    `json:"name"`
	System    string    `json:"system"`
	Profile   string    `json:"profile"`
	Build     string    `json:"build"`
	Commit    string    `json:"commit,omitempty"` // of the program's source; empty: not known
	First     uint64    `json:"first_seed,string"`
	Total     uint64    `json:"total"` // seeds
	Ranges    int       `json:"ranges"`
	Done      int       `json:"done"` // ranges
	Left      Left      `json:"left"`
	Triage    Left      `json:"triage"`   // failures to be repeated
	Repeat    Left      `json:"repeat"`   // ranges to be repeated
	Repeated  int       `json:"repeated"` // ranges
	Lost      int       `json:"lost"`     // jobs that are neither done nor in the queue: AddLost adds them
	Seeds     uint64    `json:"seeds"`
	Hash      string    `json:"hash,omitempty"` // of all runs, when all are done
	Failed    uint64    `json:"failed"`
	Undecided uint64    `json:"undecided"`
	Differed  uint64    `json:"differed"` // seeds that ran twice and were not the same
	Findings  []Finding `json:"signatures,omitempty"`
	Conflicts []int     `json:"conflicts,omitempty"` // ranges that two workers ran in two ways
	Troubles  []Trouble `json:"troubles,omitempty"`
	Verdict   Verdict   `json:"verdict"`

	parts   map[int]*campaign.Part // by range
	finders map[int]string         // the workers that ran them
}

// Finding is the failures of one signature.
type Finding struct {
	Signature string        `json:"signature"`
	Count     uint64        `json:"count"`
	First     uint64        `json:"first_seed,string"` // the lowest
	Triage    *TriageResult `json:"triage,omitempty"`  // of the failure that was found first, maybe not of the lowest seed
}

// Trouble is a range without a result that counts.
type Trouble struct {
	Range  int    `json:"range"`
	Worker string `json:"worker,omitempty"`
	Text   string `json:"text"`
}

// Read returns the state of a campaign.
func Read(ctx context.Context, q Queue, c *Campaign) (*Report, error) {
	r := &Report{
		Name: c.Name, System: c.Plans.System, Profile: c.Plans.Profile, Build: c.Build, Commit: c.Commit, First: c.First, Total: c.Seeds, Ranges: c.Ranges(),
		parts: map[int]*campaign.Part{}, finders: map[int]string{},
	}
	var err error
	if r.Left, err = q.Left(ctx, c, RangeKind); err != nil { // before the results: a job is put and then taken out
		return nil, err
	}
	if r.Repeat, err = q.Left(ctx, c, RepeatKind); err != nil {
		return nil, err
	}
	if r.Triage, err = q.Left(ctx, c, TriageKind); err != nil {
		return nil, err
	}
	if err := q.Results(ctx, c, RangeKind, func(key string, data []byte) { r.addRange(c, key, data) }); err != nil {
		return nil, err
	}
	err = q.Results(ctx, c, conflictKind, func(key string, _ []byte) {
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < r.Ranges {
			r.Conflicts = append(r.Conflicts, i)
		}
	})
	if err != nil {
		return nil, err
	}
	if err := q.Results(ctx, c, RepeatKind, func(key string, data []byte) { r.addRepetition(key, data) }); err != nil {
		return nil, err
	}
	slices.Sort(r.Conflicts)
	slices.SortFunc(r.Troubles, func(a, b Trouble) int { return cmp.Compare(a.Range, b.Range) })
	r.addUp()
	if err := r.addTriage(ctx, q, c); err != nil {
		return nil, err
	}
	return r, r.judge(c)
}

// addRepetition counts a range that ran a second time. If it could not, that is told.
func (r *Report) addRepetition(key string, data []byte) {
	i, err := strconv.Atoi(key)
	if err != nil || i < 0 || i >= r.Ranges {
		return
	}
	r.Repeated++
	var result RangeResult
	if err := json.Unmarshal(data, &result); err == nil && result.Trouble != "" {
		r.Troubles = append(r.Troubles, Trouble{i, shorten(result.Worker, maxWorkerName), "it could not be repeated: " + shorten(result.Trouble, maxTrouble)})
	}
}

func (r *Report) addRange(c *Campaign, key string, data []byte) {
	i, err := strconv.Atoi(key)
	if err != nil || i < 0 || i >= r.Ranges {
		return
	}
	r.Done++
	result, part, err := parseRange(data, c, i)
	switch {
	case err != nil:
		r.Troubles = append(r.Troubles, Trouble{Range: i, Text: shorten(err.Error(), maxTrouble)})
	case part == nil:
		r.Troubles = append(r.Troubles, Trouble{i, result.Worker, result.Trouble})
	default:
		r.parts[i], r.finders[i] = part, result.Worker
	}
}

// addUp adds up the ranges that are done, in the order of their seeds.
func (r *Report) addUp() {
	found := map[string]int{}
	for i := range r.Ranges {
		part := r.parts[i]
		if part == nil {
			continue
		}
		s := part.Summary()
		r.System, r.Profile = part.Shape().System, string(part.Shape().Profile)
		r.Seeds += s.Seeds
		r.Failed += s.Failed
		r.Undecided += s.Undecided
		r.Differed += uint64(len(s.Differed))
		for _, g := range s.Groups {
			at, ok := found[g.Signature]
			if !ok {
				at = len(r.Findings)
				found[g.Signature] = at
				r.Findings = append(r.Findings, Finding{Signature: g.Signature, First: g.First})
			}
			r.Findings[at].Count += g.Count
		}
	}
}

func (r *Report) addTriage(ctx context.Context, q Queue, c *Campaign) error {
	byKey := map[string]*TriageResult{}
	err := q.Results(ctx, c, TriageKind, func(key string, data []byte) {
		t, err := parseTriage(data, c)
		if err == nil && SignatureKey(t.Job.Signature) != key {
			err = fmt.Errorf("%w: it is of another signature", ErrResult)
		}
		if err != nil {
			t = &TriageResult{Trouble: shorten(err.Error(), maxTrouble)}
		}
		byKey[key] = t
	})
	for i := range r.Findings {
		r.Findings[i].Triage = byKey[SignatureKey(r.Findings[i].Signature)]
	}
	return err
}

// judge sets the verdict and the hash.
func (r *Report) judge(c *Campaign) error {
	repeats := 0
	for i := range r.Ranges {
		if c.Repeats(i) {
			repeats++
		}
	}
	r.Lost = r.Left.lost(r.Ranges-r.Done) + r.Repeat.lost(repeats-r.Repeated)
	if r.Left == (Left{}) { // each range has asked for triage
		r.Lost += r.Triage.lost(len(r.triageJobs(c)))
	}
	r.Verdict = r.verdict()
	if r.Done < r.Ranges || len(r.Troubles) > 0 {
		return nil
	}
	j, err := r.Joint()
	if err != nil {
		return err
	}
	m := j.Merged()
	r.Hash = formatHash(m.Summary.Hash)
	return nil
}

// lost counts the jobs of some that are not done, and are not left.
func (l Left) lost(undone int) int { return max(0, undone-l.Waiting-l.Leased) }

// triageJobs returns the jobs of triage that have no result.
func (r *Report) triageJobs(c *Campaign) (jobs []Job) {
	for _, f := range r.Findings {
		if f.Triage == nil && f.IsRepeated() {
			i := int((f.First - c.First) / c.RangeSeeds)
			hash, _ := r.parts[i].Run(f.First)
			jobs = append(jobs, Job{Campaign: c.Name, Kind: TriageKind, Range: i, Signature: f.Signature, Seed: f.First, Hash: hash, Finder: r.finders[i]})
		}
	}
	return jobs
}

func (r *Report) verdict() Verdict {
	switch {
	case !r.Settled():
		return Running
	case r.Differed > 0 || len(r.Conflicts) > 0 || len(r.Troubles) > 0 || slices.ContainsFunc(r.Findings, Finding.differs):
		return HarnessFault
	case r.Failed > 0:
		return Failed
	case r.Undecided > 0:
		return Undecided
	}
	return Passed
}

// IsRepeated reports whether the failure is one to be repeated.
func (f Finding) IsRepeated() bool { return isRepeated(f.Signature) }

// isRepeated leaves out a check that gave up, since it depends on the machine.
func isRepeated(signature string) bool {
	return signature != play.UndecidedSignature && len(signature) <= maxSignature
}

// differs reports whether the failure was another one when it was repeated.
func (f Finding) differs() bool {
	return f.Triage != nil && f.Triage.Trouble == "" && !f.Triage.Confirmed
}

// Joint joins the ranges from the first one on that are done, one after the other.
func (r *Report) Joint() (*campaign.Joint, error) {
	j := &campaign.Joint{}
	for i := range r.Ranges {
		part := r.parts[i]
		if part == nil {
			break
		}
		if err := j.Append(part); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// Sum returns the sum of all ranges that have a state, without a hash, and the first and the
// last seed of the first of them up to the next gap. ok is false if there is none.
func (r *Report) Sum() (m campaign.Merged, first, last uint64, ok bool) {
	var tally campaign.Tally
	gap := false
	for i := range r.Ranges {
		part := r.parts[i]
		if part == nil || tally.Add(part) != nil { // of another campaign
			gap = ok
			continue
		}
		if !ok {
			first, ok = part.Start(), true
		}
		if !gap {
			last = part.Start() + (part.Summary().Seeds - 1)
		}
	}
	if ok {
		m = tally.Merged()
	}
	return m, first, last, ok
}

// HasState reports whether WriteState has a range to keep.
func (r *Report) HasState() bool { return r.parts[0] != nil }

// Settled reports whether all is done, also the triage. A range asks for triage before it
// is taken out of the queue, and Read looks at ranges first.
func (r *Report) Settled() bool {
	return r.Done == r.Ranges && r.Lost == 0 && r.Left == Left{} && r.Repeat == Left{} && r.Triage == Left{}
}

// WriteState keeps the ranges that are done from the first one on in a file, as the state
// of one campaign.
func (r *Report) WriteState(name string) error {
	if !r.HasState() {
		return fmt.Errorf("%w: the first range has no result yet", ErrNoResult)
	}
	j, err := r.Joint()
	if err != nil {
		return err
	}
	return j.WriteState(name)
}

// Await waits until no job of a campaign is left.
func Await(ctx context.Context, q Queue, c *Campaign, every time.Duration) error {
	for {
		left := 0
		for _, kind := range Kinds() {
			n, err := q.Left(ctx, c, kind)
			if err != nil {
				return err
			}
			left += n.Waiting + n.Leased
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}
