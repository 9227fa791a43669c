package harness

import (
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// reporter reports the progress and results of a campaign.
type reporter interface {
	begin(c *campaign.Campaign)
	progress(s *campaign.Summary, seed uint64)
	failure(f failureEvent)
	shrinking(was *failureEvent, number, all int) func(smallest *scenarios.Plan, runs int) // nil: no progress is wanted
	shrunk(m shrunkEvent)
	comparing(seed uint64)                    // begins: two runs of a seed have differed
	differed(seed uint64, d *play.Difference) // nil: the runs did not differ again
	summary(c *campaign.Campaign, s *campaign.Summary, e *ending)
	close() // ends the progress, however the campaign ended
}

// ending is how a campaign came to its end.
type ending struct {
	cpu         time.Duration
	replay      func(*campaign.Group) string // the line that repeats a failure
	interrupted time.Duration                // after this time; 0: it was not
	goOn        string                       // the line that goes on with an interrupted campaign, or with one that had nothing to do
	state       string                       // the state file in which an idle campaign found all seeds
	neverHit    bool                         // marks that were never hit are a failure
	incomplete  int                          // shards that are missing from a merger, or were interrupted
}

// failureEvent is the first failure of a signature.
type failureEvent struct {
	Type      string `json:"type"`
	Seed      uint64 `json:"seed"`
	Signature string `json:"signature"`
	Sentence  string `json:"sentence"`
	Hash      string `json:"hash"`
	Replay    string `json:"replay"`
	Dir       string `json:"dir"`
	text      string
}

// shrunkEvent is the result of shrinking a failure's plan.
type shrunkEvent struct {
	Type      string   `json:"type"`
	Seed      uint64   `json:"seed"`
	Signature string   `json:"signature"`
	Before    planSize `json:"before"`
	After     planSize `json:"after"`
	Runs      int      `json:"runs"`
	Minimal   bool     `json:"minimal"`
	Replay    string   `json:"replay,omitempty"`
	Error     string   `json:"error,omitempty"`
	Report    string   `json:"report,omitempty"` // the file of its page

	ReportError string `json:"report_error,omitempty"` // why there is none
	text        string
}

// stable reports whether a campaign ended because it showed nothing new.
func stable(c *campaign.Campaign, s *campaign.Summary) bool {
	return c.Stable > 0 && s.Seeds-s.LastNew >= c.Stable
}

// notShown lists the things that a campaign does not show, because none of its runs
// did them.
func notShown(c *campaign.Campaign, s *campaign.Summary) (texts []string) {
	switch {
	case s.Seeds == 0:
		return []string{"anything, since no seed was run"}
	case s.Outcomes.Total() == 0:
		texts = append(texts, "anything, since no operation was invoked")
	case s.Outcomes.Transitions == 0:
		texts = append(texts, "anything about transitions, since none was carried out")
	}
	switch {
	case c.Shape.Profile == scenarios.None:
		texts = append(texts, "anything about faults, since the profile none has none until the network is healed")
	case s.Hits == (scenarios.FamilyHits{}):
		texts = append(texts, fmt.Sprintf("anything about faults, since none of the profile %s has hit", c.Shape.Profile))
	}
	return texts
}
