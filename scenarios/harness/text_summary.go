package harness

import (
	"fmt"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// fewSeeds is the number of seeds below which the pairs and marks that were missed are not
// listed: nearly all are.
const fewSeeds = 100

func (p *textReporter) summary(c *campaign.Campaign, s *campaign.Summary, end *ending) {
	p.status.End()
	fmt.Fprintf(p.out, "\n%d seeds: %d failed, %d undecided, %d ran twice and %d of them differed\n",
		s.Seeds, s.Failed, s.Undecided, s.Guarded, len(s.Differed))
	if s.Undecided > 0 {
		p.wrapped("undecided: the check of a history gave up after %v; with a longer --check-timeout it may decide", c.CheckTimeout())
	}
	fmt.Fprintf(p.out, "%d operations: %d committed (%d transitions), %d rejected, %d unknown\n",
		s.Outcomes.Total(), s.Outcomes.Committed, s.Outcomes.Transitions, s.Outcomes.Rejected, s.Outcomes.Unknown)
	if p.verbose {
		fmt.Fprintf(p.out, "%d messages, %d events\n", s.Messages, s.Events)
	}
	for _, words := range notShown(c, s) {
		p.wrapped("not shown: %s", words)
	}
	p.printFaultHits(c, s)
	p.printMarks(c, s)
	fmt.Fprintf(p.out, "%.0f simulated seconds in %.2f s, processor time %.2f s\n", float64(s.Simulated)/1e9, s.Wall.Seconds(), end.cpu.Seconds())
	fmt.Fprintf(p.out, "hash of all runs %016x\n", s.Hash)
	p.printGroups(s, end)
	v := verdictOf(c, s, end)
	fmt.Fprintln(p.out)
	cli.PrintColoured(p.out, v.colour, v.word)
	fmt.Fprintln(p.out, v.text)
}

// wrapped prints a line of words, broken to the width of the output.
func (p *textReporter) wrapped(format string, args ...any) {
	fmt.Fprintln(p.out, cli.Wrap(fmt.Sprintf(format, args...), cli.Width(p.out), 2))
}

// list prints a list, broken to the width of the output.
func (p *textReporter) list(title string, items []string) {
	fmt.Fprintln(p.out, cli.WrapList(title, items, cli.Width(p.out), 2))
}

// printGroups prints the failures by signature. A line that repeats one is never broken:
// where it does not fit beside its signature it stands below.
func (p *textReporter) printGroups(s *campaign.Summary, end *ending) {
	signature, line := 0, 0
	for _, g := range s.Groups {
		signature = max(signature, utf8.RuneCountInString(g.Signature))
		line = max(line, utf8.RuneCountInString(end.replay(g)))
	}
	for _, g := range s.Groups {
		first := "  first: " + end.replay(g)
		if 9+signature+len("  first: ")+line > cli.Width(p.out) {
			fmt.Fprintf(p.out, "%6d × %s\n       %s\n", g.Count, g.Signature, first)
		} else {
			fmt.Fprintf(p.out, "%6d × %-*s%s\n", g.Count, signature, g.Signature, first)
		}
	}
}

// printMarks prints how many coverage marks were hit, and whether the campaign is
// stable.
func (p *textReporter) printMarks(c *campaign.Campaign, s *campaign.Summary) {
	if never := s.NeverHit(c.System); len(s.Marks) > 0 {
		fmt.Fprintf(p.out, "%d of %d coverage marks hit", s.MarksHit(), len(s.Marks))
		switch {
		case len(never) == 0 || s.Seeds < fewSeeds:
			fmt.Fprintln(p.out)
		case p.verbose:
			fmt.Fprintln(p.out)
			p.list("never hit:", never)
		default:
			fmt.Fprintln(p.out, " (-v lists the others)")
		}
	}
	if stable(c, s) {
		p.wrapped("stable: no new mark, pair of faults or kind of failure in the last %d seeds", s.Seeds-s.LastNew)
	}
}

// printFaultHits prints how many families of faults made a difference, if any did, and
// how many pairs of them have met; with details, how often each did, and which have not.
func (p *textReporter) printFaultHits(c *campaign.Campaign, s *campaign.Summary) {
	if s.Hits == (scenarios.FamilyHits{}) {
		return
	}
	var hits []string
	for f, n := range s.Hits {
		if n > 0 {
			hits = append(hits, fmt.Sprintf("%v %d", scenarios.Family(f), n))
		}
	}
	met, wanted := s.Coverage.Pairs()
	p.wrapped("faults of %d of %d families hit, %d of %d pairs of families have met", len(hits), len(c.System.Shape(c.Shape).Families()), met, wanted)
	if !p.verbose {
		return
	}
	p.list("faults that hit:", hits)
	if missing := s.Coverage.Missing(); s.Seeds >= fewSeeds && len(missing) > 0 {
		var names []string
		for _, pair := range missing {
			names = append(names, pair.String())
		}
		p.list("pairs that have not met:", names)
	}
	p.printDiskFaults(&s.Disks)
}

// printDiskFaults prints the faults of disks, if there were any.
func (p *textReporter) printDiskFaults(d *play.DiskCounts) {
	if *d == (play.DiskCounts{}) {
		return
	}
	var hits []string
	for _, f := range disk.Faults() {
		hits = append(hits, fmt.Sprintf("%v %d", f, d.Hits[f]))
	}
	p.list("disk faults that hit:", hits)
	p.wrapped("%d times a node stopped and was started again, %d nodes refused damaged disks", d.Stops, d.Refusals)
}
