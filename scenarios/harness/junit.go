package harness

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
)

// junit is a campaign as a JUnit test suite, for continuous integration: one test
// for each failed signature, one for all seeds, one for the determinism guard, one
// for the coverage marks if the system has any, and one for the end of a campaign that
// was interrupted.
type junit struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"` // seconds
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Failure *junitReason `xml:"failure"`
	Skipped *junitReason `xml:"skipped"`
}

type junitReason struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// newJUnit returns the suite of a campaign. texts has the report of the first
// failure of each signature, without failures before the campaign was resumed.
func newJUnit(c *campaign.Campaign, s *campaign.Summary, texts map[string]string, replay func(*campaign.Group) string, neverHitFails bool) *junit {
	j := &junit{Name: fmt.Sprintf("lockstep fuzz, system %s, profile %s", c.System.Name, c.Shape.Profile), Time: fmt.Sprintf("%.3f", s.Wall.Seconds())}
	for _, g := range s.Groups {
		j.add(g.Signature, &junitReason{
			Message: fmt.Sprintf("%d of %d seeds, the first is %d; repeat it: %s", g.Count, s.Seeds, g.First, replay(g)),
			Text:    texts[g.Signature],
		}, nil)
	}
	var failed *junitReason
	if n := s.Failed + s.Undecided; n > 0 {
		failed = &junitReason{Message: fmt.Sprintf("%d of %d seeds did not pass", n, s.Seeds)}
	}
	j.add("all seeds pass", failed, nil)
	if s.Interrupted {
		j.add("the campaign comes to its end", nil, &junitReason{Message: fmt.Sprintf("it was interrupted after %d seeds", s.Seeds)})
	}
	var differed *junitReason
	if len(s.Differed) > 0 {
		differed = &junitReason{Message: differedSentence(s)}
	}
	j.add("seeds that run twice run alike", differed, nil)
	if len(c.System.Marks) > 0 {
		never := s.NeverHit(c.System)
		reason := &junitReason{Message: fmt.Sprintf("%d of %d were never hit", len(never), len(c.System.Marks)), Text: strings.Join(never, "\n")}
		switch {
		case len(never) == 0:
			j.add("every mark is reached", nil, nil)
		case neverHitFails:
			j.add("every mark is reached", reason, nil)
		default:
			j.add("every mark is reached", nil, reason)
		}
	}
	return j
}

func (j *junit) add(name string, failed, skipped *junitReason) {
	j.Tests++
	if failed != nil {
		j.Failures++
	}
	if skipped != nil {
		j.Skipped++
	}
	j.Cases = append(j.Cases, junitCase{"lockstep.fuzz", name, failed, skipped})
}

func (j *junit) write(name string) error {
	data, err := xml.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append([]byte(xml.Header), append(data, '\n')...), 0o666)
}
