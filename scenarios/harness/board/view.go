package board

import (
	"fmt"
	"slices"
	"time"
)

// Format and Version identify a View. Later versions only add fields, or have another
// number.
const (
	Format  = "lockstep-campaigns"
	Version = 1
)

// View is all that the page shows, as one JSON value.
type View struct {
	Format    string     `json:"format"`
	Version   int        `json:"version"`
	Dir       string     `json:"dir"`               // the folder of failures
	Live      []Figures  `json:"live,omitempty"`    // campaigns in progress, and state files
	Workers   []Worker   `json:"workers,omitempty"` // machines that run the campaigns in progress
	Failures  []Failure  `json:"failures"`          // present ones first, then the gone ones
	Others    []Kept     `json:"others,omitempty"`  // kept failures of which no record tells
	Campaigns []Campaign `json:"campaigns"`         // the newest first; those in progress come first
	Mutants   []Mutant   `json:"mutants,omitempty"`
	Notes     []string   `json:"notes,omitempty"` // damage and limits, a sentence each
}

// Campaign is a record with the standings of its failures.
type Campaign struct {
	Record
	Running   bool       `json:"running,omitempty"`
	Standings []Standing `json:"standings,omitempty"`
}

// Failure is a signature over the campaigns that are compared with each other.
type Failure struct {
	System  string    `json:"system"`
	Profile string    `json:"profile"`
	Plans   string    `json:"plans"`
	Command string    `json:"command"` // of the last campaign that said something about it
	Since   time.Time `json:"since"`   // the end of that campaign
	Running bool      `json:"running,omitempty"`
	Standing
	Before []Standing `json:"before,omitempty"` // of the campaigns before, the newest first, up to 30
	Kept   []Kept     `json:"kept,omitempty"`   // folders, the newest first
}

// maxBefore bounds the standings that a failure has of earlier campaigns.
const maxBefore = 30

// newView puts a view together. running are the campaigns in progress.
func newView(records, running []Record, kept []Kept) *View {
	v := &View{Format: Format, Version: Version, Failures: []Failure{}, Campaigns: []Campaign{}}
	for _, r := range slices.Backward(running) { // each is compared with those that have ended
		standings := Compare(append(slices.Clip(records), r))
		v.Campaigns = append(v.Campaigns, Campaign{r, true, standings[len(records)]})
	}
	standings := Compare(records)
	for i := range slices.Backward(records) {
		v.Campaigns = append(v.Campaigns, Campaign{records[i], false, standings[i]})
	}
	v.addFailures()
	v.addKept(kept)
	return v
}

// addFailures groups the standings of all campaigns by signature: what fails in the order
// in which it was last seen, then what is gone.
func (v *View) addFailures() {
	place := map[string]int{}
	var gone []Failure
	for _, c := range v.Campaigns {
		for _, s := range c.Standings {
			id := fmt.Sprintf("%q %q %q", c.System, c.Plans, s.Signature)
			at, ok := place[id]
			switch {
			case !ok && s.Word == Gone:
				gone = append(gone, newFailure(&c, s))
				place[id] = -len(gone)
			case !ok:
				v.Failures = append(v.Failures, newFailure(&c, s))
				place[id] = len(v.Failures)
			case at > 0:
				v.Failures[at-1].addBefore(s)
			default:
				gone[-at-1].addBefore(s)
			}
		}
	}
	v.Failures = append(v.Failures, gone...)
}

func newFailure(c *Campaign, s Standing) Failure {
	return Failure{System: c.System, Profile: c.Profile, Plans: c.Plans, Command: c.Command, Since: c.Ended, Running: c.Running, Standing: s}
}

func (f *Failure) addBefore(s Standing) {
	if len(f.Before) < maxBefore {
		s.Replay = "" // the newest one is enough
		f.Before = append(f.Before, s)
	}
}

// addKept gives each failure its folders, by system and signature. Folders of no failure
// are the others.
func (v *View) addKept(kept []Kept) {
	slices.SortStableFunc(kept, func(a, b Kept) int { return b.Changed.Compare(a.Changed) })
	for _, k := range kept {
		found := false
		for i := range v.Failures {
			if f := &v.Failures[i]; k.Signature != "" && f.System == k.System && f.Signature == k.Signature {
				f.Kept = append(f.Kept, k)
				found = true
			}
		}
		if !found {
			v.Others = append(v.Others, k)
		}
	}
}
