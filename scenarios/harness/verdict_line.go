package harness

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// verdictLine is the last line about a campaign: a word in a colour, and the rest.
type verdictLine struct {
	word   string
	colour cli.Colour
	text   string
}

// verdictOf returns the last line about a campaign.
func verdictOf(c *campaign.Campaign, s *campaign.Summary, end *ending) verdictLine {
	never := len(s.NeverHit(c.System))
	seeds := plural(int(s.Seeds), "seed")
	switch {
	case len(s.Differed) > 0:
		return verdictLine{"HARNESS FAULT", cli.Red, fmt.Sprintf(": of %s that ran twice %d differed, and so nothing else can be relied on", plural(int(s.Guarded), "seed"), len(s.Differed))}
	case s.Interrupted:
		return verdictLine{"INTERRUPTED", cli.Yellow, fmt.Sprintf(" after %s: %s%s%s", spent(c, end), seedsOf(c, s), failures(s), goOn(end))}
	case s.Failed > 0:
		return verdictLine{"FAILED", cli.Red, fmt.Sprintf(": %d of %s, in %s%s", s.Failed, seeds, plural(ways(s), "way"), rest(s, end))}
	case s.Undecided > 0:
		return verdictLine{"UNDECIDED", cli.Yellow, ": " + seeds + failures(s) + rest(s, end)}
	case s.Seeds == 0:
		return verdictLine{"UNDECIDED", cli.Yellow, ": no seed was run"}
	case end.neverHit && never > 0:
		return verdictLine{"FAILED", cli.Red, fmt.Sprintf(": %s, none failed, and %d of %d coverage marks were never hit%s", seeds, never, len(s.Marks), rest(s, end))}
	}
	return verdictLine{"PASSED", cli.Green, ": " + seeds + failures(s) + rest(s, end)}
}

// ways counts the kinds of failures.
func ways(s *campaign.Summary) (n int) {
	for _, g := range s.Groups {
		if g.Signature != play.UndecidedSignature {
			n++
		}
	}
	return n
}

// goOn says how to go on with an interrupted campaign, if that is known.
func goOn(end *ending) string {
	if end.goOn == "" {
		return ""
	}
	return "; go on with: " + end.goOn
}

// failures counts the seeds that did not pass.
func failures(s *campaign.Summary) string {
	if s.Seeds == 0 {
		return ""
	}
	text := ", none failed"
	if s.Failed > 0 {
		text = fmt.Sprintf(", %d failed", s.Failed)
	}
	if s.Undecided > 0 {
		text += fmt.Sprintf(", %d undecided", s.Undecided)
	}
	return text
}

// spent describes the time that an interrupted command took, of the time that it had.
func spent(c *campaign.Campaign, end *ending) string {
	if c.For > 0 {
		return fmt.Sprintf("%s of %s", whole(end.interrupted), whole(c.For))
	}
	return whole(end.interrupted)
}

// seedsOf describes the seeds that an interrupted campaign has run, of all that it was to
// run.
func seedsOf(c *campaign.Campaign, s *campaign.Summary) string {
	if s.Seeds == 0 {
		return "no seed was run"
	}
	if all := c.SeedCount(); all > 0 {
		return fmt.Sprintf("%d of %d seeds", s.Seeds, all)
	}
	return plural(int(s.Seeds), "seed")
}

// rest says how to go on where a campaign had nothing to do, or is not whole.
func rest(s *campaign.Summary, end *ending) string {
	switch {
	case end.state != "":
		return fmt.Sprintf("; nothing was left to do, %s has them all: go on with: %s", end.state, end.goOn)
	case end.incomplete > 0:
		return fmt.Sprintf("; %s missing, or not at the end", plural(end.incomplete, "shard"))
	}
	return ""
}
