package fleet

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
)

// ErrCampaign is wrapped by errors about the order of a campaign.
var ErrCampaign = errors.New("not a campaign of a fleet")

// Campaign is the order of one campaign. Workers take it from others, and check it.
type Campaign struct {
	Name         string          `json:"name"`
	ID           string          `json:"id,omitempty"` // tells it from an earlier or later one of its name; the queue gives it
	Build        string          `json:"build"`        // of the program that runs it
	Plans        Plans           `json:"plans"`
	First        uint64          `json:"first"` // seed
	Seeds        uint64          `json:"seeds"`
	RangeSeeds   uint64          `json:"range_seeds"`      // of one job; the last may have fewer
	Guard        int             `json:"guard"`            // percent of seeds that run twice
	Repeat       int             `json:"repeat,omitempty"` // percent of ranges that run a second time, on another worker
	CheckTimeout time.Duration   `json:"check_timeout_ns"`
	Weight       int             `json:"weight"`   // its share beside other campaigns
	Lease        time.Duration   `json:"lease_ns"` // the job of a worker that is silent for so long goes to another one
	Submitted    time.Time       `json:"submitted"`
	Commit       string          `json:"commit,omitempty"`  // of the program's source; empty: not known
	Good         string          `json:"good,omitempty"`    // an earlier commit, to which failures are traced back; empty: that of an earlier campaign
	Program      string          `json:"program,omitempty"` // SHA-256 of the program, which the queue has for workers; empty: it has none
	Probe        json.RawMessage `json:"probe,omitempty"`   // the state of a campaign of the first seed alone: that of each range must be of the same kind
}

// Plans are the flags of fuzz that, with a seed, determine a plan.
type Plans struct {
	System   string   `json:"system,omitempty"` // empty: the first of the program
	Profile  string   `json:"profile,omitempty"`
	With     []string `json:"with,omitempty"`    // families of faults that every plan has
	Without  []string `json:"without,omitempty"` // families of faults that none has
	Nodes    int      `json:"nodes,omitempty"`
	Clients  int      `json:"clients,omitempty"`
	Ops      int      `json:"ops,omitempty"`
	Machines int      `json:"machines,omitempty"`
	Aimed    int      `json:"aimed,omitempty"`
}

// DefaultLease is the usual lease of a job.
const DefaultLease = 30 * time.Second

// Bounds of a campaign.
const (
	MaxRanges     = 100_000
	MaxRangeSeeds = 10_000
	MaxWeight     = 1000
	maxProbe      = 256 << 10
)

var (
	idForm     = regexp.MustCompile(`^[0-9a-f]{0,16}$`)
	nameForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	buildForm  = regexp.MustCompile(`^[0-9a-f]{16}$`)
	hashForm   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	commitForm = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})?$`)
	wordForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)
)

// CheckName returns an error about a name that no campaign can have.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("name %q: want up to 64 lower-case letters, digits and hyphens", name)
	}
	return nil
}

// Validate names the first field that is out of bounds.
func (c *Campaign) Validate() error {
	if err := c.validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrCampaign, err)
	}
	return nil
}

func (c *Campaign) validate() error {
	switch {
	case CheckName(c.Name) != nil:
		return CheckName(c.Name)
	case !idForm.MatchString(c.ID):
		return fmt.Errorf("id %q: want up to 16 hexadecimal digits", c.ID)
	case !buildForm.MatchString(c.Build):
		return fmt.Errorf("build %q: want the 16 hexadecimal digits of a program", c.Build)
	case c.Seeds == 0:
		return errors.New("it has no seeds")
	case c.First+(c.Seeds-1) < c.First:
		return errors.New("its seeds pass the largest seed")
	case c.RangeSeeds == 0 || c.RangeSeeds > MaxRangeSeeds:
		return fmt.Errorf("%d seeds in a range: want 1 to %d", c.RangeSeeds, MaxRangeSeeds)
	case (c.Seeds-1)/c.RangeSeeds >= MaxRanges:
		return fmt.Errorf("%d seeds in ranges of %d: want at most %d ranges: give larger ranges, or fewer seeds", c.Seeds, c.RangeSeeds, MaxRanges)
	case c.Guard < 0 || c.Guard > 100:
		return fmt.Errorf("guard %d: want 0 to 100 percent", c.Guard)
	case c.Repeat < 0 || c.Repeat > 100:
		return fmt.Errorf("repeat %d: want 0 to 100 percent", c.Repeat)
	case c.CheckTimeout <= 0 || c.CheckTimeout > time.Hour:
		return fmt.Errorf("check timeout %v: want more than 0, up to 1h", c.CheckTimeout)
	case c.Weight < 1 || c.Weight > MaxWeight:
		return fmt.Errorf("weight %d: want 1 to %d", c.Weight, MaxWeight)
	case c.Lease < 100*time.Millisecond || c.Lease > time.Hour:
		return fmt.Errorf("lease %v: want 100ms to 1h", c.Lease)
	case !commitForm.MatchString(c.Commit):
		return fmt.Errorf("commit %.80q: want all 40 or 64 hexadecimal digits, as git rev-parse prints them, or nothing", c.Commit)
	case !commitForm.MatchString(c.Good):
		return fmt.Errorf("good commit %.80q: want all 40 or 64 hexadecimal digits, as git rev-parse prints them, or nothing", c.Good)
	case c.Program != "" && (!hashForm.MatchString(c.Program) || BuildOf(c.Program) != c.Build):
		return fmt.Errorf("program %q: want its SHA-256, which begins with the build %s", c.Program, c.Build)
	case len(c.Probe) > maxProbe:
		return fmt.Errorf("a probe of %d bytes: want at most %d", len(c.Probe), maxProbe)
	}
	return c.Plans.validate()
}

func (p *Plans) validate() error {
	for _, word := range slices.Concat([]string{p.System, p.Profile}, p.With, p.Without) {
		if word != "" && !wordForm.MatchString(word) {
			return fmt.Errorf("%q: want a name of letters, digits, hyphens and dots", word)
		}
	}
	if n := len(p.With) + len(p.Without); n > 100 {
		return fmt.Errorf("with and without %d families: want at most 100", n)
	}
	for name, n := range map[string]int{"nodes": p.Nodes, "clients": p.Clients, "ops": p.Ops, "machines": p.Machines, "aimed": p.Aimed} {
		if n < -1 || n > math.MaxInt32 {
			return fmt.Errorf("%s %d: want 0 or more", name, n)
		}
	}
	return nil
}

// Key names the campaign among all that a queue has had: its jobs and results are under it,
// so that a late result is not taken for one of a later campaign of the name.
func (c *Campaign) Key() string { return c.Name + "." + cmp.Or(c.ID, "0") }

// Identify gives the campaign an id, unless it has one.
func (c *Campaign) Identify() {
	if c.ID == "" {
		var id [4]byte
		_, _ = rand.Read(id[:]) // it does not fail
		c.ID = fmt.Sprintf("%x", id)
	}
}

// Ranges is the number of ranges.
func (c *Campaign) Ranges() int { return int((c.Seeds-1)/c.RangeSeeds) + 1 }

// Range returns the first seed of a range, counted from 0, and the number of its seeds.
func (c *Campaign) Range(i int) (first, seeds uint64) {
	before := uint64(i) * c.RangeSeeds
	return c.First + before, min(c.RangeSeeds, c.Seeds-before)
}

// Repeats reports whether a range runs a second time.
func (c *Campaign) Repeats(i int) bool {
	return keyed.Seed(uint64(i)).Name("repeat").Below(100) < uint64(c.Repeat)
}

// Accept parses a state as the result of some seeds of the campaign.
func (c *Campaign) Accept(state []byte, first, seeds uint64) (*campaign.Part, error) {
	part, err := campaign.ParsePart("the result", state)
	if err != nil {
		return nil, err
	}
	sum := part.Summary()
	switch {
	case part.Build() != c.Build:
		return nil, fmt.Errorf("%w: the result is of build %s, want %s", ErrCampaign, part.Build(), c.Build)
	case part.Start() != first || sum.Seeds != seeds || sum.Interrupted:
		return nil, fmt.Errorf("%w: the result is of %d seeds from %d on, want %d from %d on, not interrupted", ErrCampaign, sum.Seeds, part.Start(), seeds, first)
	}
	if len(c.Probe) == 0 { // the campaign is being made
		return part, nil
	}
	probe, err := campaign.ParsePart("the probe", c.Probe)
	if err != nil {
		return nil, err
	}
	return part, part.SameCampaign(probe)
}
