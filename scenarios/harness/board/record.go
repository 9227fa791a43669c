package board

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
)

// recordVersion is the version of a Record. Later ones only add fields, or have another
// number.
const recordVersion = 1

// maxSignatures bounds the signatures of a record.
const maxSignatures = 500

// Record is one campaign, ended or so far.
type Record struct {
	Version        int            `json:"version"`
	Campaign       string         `json:"campaign,omitempty"` // in a fleet: its name and its id
	Ended          time.Time      `json:"ended"`
	System         string         `json:"system"`
	Profile        string         `json:"profile"`
	Plans          string         `json:"plans"`        // id of how seeds become plans: only campaigns with the same one are compared
	Build          campaign.Build `json:"build"`        // the code that ran
	Command        string         `json:"command"`      // the line that runs it, with its flags
	First          uint64         `json:"first,string"` // the first seed that it ran; as text, since it may have more digits than a number of JavaScript
	Last           uint64         `json:"last,string"`  // the last one
	Shards         uint64         `json:"shards"`       // it ran every so manieth seed from the first to the last
	Seeds          uint64         `json:"seeds"`        // how many it ran
	Failed         uint64         `json:"failed"`
	Undecided      uint64         `json:"undecided"`
	Differed       uint64         `json:"differed,omitempty"` // seeds that ran in two ways
	Interrupted    bool           `json:"interrupted,omitempty"`
	Marks          Reached        `json:"marks"` // coverage marks
	Pairs          Reached        `json:"pairs"` // of families of faults that have met in a plan
	Seconds        float64        `json:"seconds"`
	SeedsPerSecond float64        `json:"seeds_per_s"`
	Signatures     []Signature    `json:"signatures,omitempty"`
	More           int            `json:"more_signatures,omitempty"` // that are left out of the list
}

// Reached is how many of all were reached.
type Reached struct {
	Hit int `json:"hit"`
	Of  int `json:"of"`
}

// Signature is the failures of one signature in a campaign.
type Signature struct {
	Signature string `json:"signature"`
	Count     uint64 `json:"count"`
	First     uint64 `json:"first_seed,string"` // the lowest seed
	Replay    string `json:"replay,omitempty"`  // the line that repeats it
}

// NewRecord returns the record of a campaign so far. replay returns the line that repeats
// the first failure of a signature.
func NewRecord(c *campaign.Campaign, s *campaign.Summary, replay func(*campaign.Group) string) Record {
	r := Record{
		Version: recordVersion, System: c.System.Name, Profile: string(c.Shape.Profile), Plans: plansID(c.System.Shape(c.Shape)),
		Build: campaign.ThisBuild(), Shards: max(c.Shards, 1),
		Seeds: s.Seeds, Failed: s.Failed, Undecided: s.Undecided, Differed: uint64(len(s.Differed)), Interrupted: s.Interrupted,
		Marks: Reached{s.MarksHit(), len(c.System.Marks)}, Seconds: s.Wall.Seconds(),
	}
	r.Pairs.Hit, r.Pairs.Of = s.Coverage.Pairs()
	r.First, _ = c.NextSeed(&campaign.Summary{})
	r.Last = r.First + (max(s.Seeds, 1)-1)*r.Shards
	if r.Seconds > 0 {
		r.SeedsPerSecond = float64(r.Seeds) / r.Seconds
	}
	for i, g := range s.Groups {
		if i == maxSignatures {
			r.More = len(s.Groups) - i
			break
		}
		r.Signatures = append(r.Signatures, Signature{g.Signature, g.Count, g.First, replay(g)})
	}
	return r
}

// plansID names how seeds become plans, apart from the build.
func plansID(shape scenarios.Shape) string {
	text, err := json.Marshal(shape)
	if err != nil {
		panic(err) // a shape has been written to state files before
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))[:16]
}

// covers reports whether the campaign has run a seed.
func (r *Record) covers(seed uint64) bool {
	return r.Seeds > 0 && seed >= r.First && seed <= r.Last && (seed-r.First)%max(r.Shards, 1) == 0
}
