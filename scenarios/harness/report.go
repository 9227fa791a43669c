package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// reporter reports the progress and results of a campaign.
type reporter interface {
	begin(c *campaign.Campaign)
	progress(s *campaign.Summary, seed uint64)
	failure(f failureEvent)
	shrunk(m shrunkEvent)
	differed(seed uint64, d *play.Difference) // nil: the runs did not differ again
	summary(c *campaign.Campaign, s *campaign.Summary, cpu time.Duration, replay func(*campaign.Group) string)
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
	text      string
}

// textReporter is the reporter for people. Results go to out.
type textReporter struct {
	out    io.Writer
	status cli.StatusLine
	last   time.Time
}

func newTextReporter(out, status io.Writer) *textReporter {
	return &textReporter{out: out, status: cli.NewStatusLine(status), last: time.Now()}
}

func (p *textReporter) begin(c *campaign.Campaign) {
	fmt.Fprintf(p.out, "system %s, profile %s, %s\n", c.System.Name, c.Shape.Profile, describeBudget(c))
	if c.Resume.Seeds > 0 {
		fmt.Fprintf(p.out, "going on after %d seeds, of which %d failed\n", c.Resume.Seeds, c.Resume.Failed)
	}
}

// describeBudget describes which seeds a campaign runs, and when it ends.
func describeBudget(c *campaign.Campaign) string {
	s := fmt.Sprintf("seeds from %d", c.Start)
	if c.Seeds > 0 {
		s = fmt.Sprintf("seeds %d to %d", c.Start, c.Start+(c.Seeds-1))
	}
	if c.Shards > 1 {
		s += fmt.Sprintf(", shard %d/%d", c.Shard, c.Shards)
	}
	if c.For > 0 {
		s += fmt.Sprintf(" for %v", c.For)
	}
	if c.Stable > 0 {
		s += fmt.Sprintf(" until %d on end show nothing new", c.Stable)
	}
	return s
}

func (p *textReporter) progress(s *campaign.Summary, seed uint64) {
	pause := 5 * time.Second
	if p.status.OnTerminal() {
		pause = 100 * time.Millisecond
	}
	if time.Since(p.last) < pause {
		return
	}
	p.last = time.Now()
	p.status.Show(p.line(s, seed))
}

// line returns the progress of a campaign.
func (p *textReporter) line(s *campaign.Summary, seed uint64) string {
	wall := s.Wall.Seconds()
	line := fmt.Sprintf("seed %d: %d failed, ", seed, s.Failed)
	if len(s.Marks) > 0 {
		line += fmt.Sprintf("%d/%d marks, ", s.MarksHit(), len(s.Marks))
	}
	line += fmt.Sprintf("%.0f seeds/s, %.2f M messages/s, %.0f × real time",
		float64(s.Seeds)/wall, float64(s.Messages)/wall/1e6, float64(s.Simulated)/1e9/wall)
	for i, g := range s.Groups {
		line += fmt.Sprintf("%s %d × %s", []string{":", ","}[min(i, 1)], g.Count, g.Signature)
	}
	return line
}

func (p *textReporter) failure(f failureEvent) {
	p.status.Clear()
	fmt.Fprintf(p.out, "\n%s", f.text)
	fmt.Fprintf(p.out, "repeat it: %s\nkept in:   %s\n", f.Replay, f.Dir)
}

func (p *textReporter) shrunk(m shrunkEvent) {
	p.status.Clear()
	fmt.Fprintf(p.out, "\n%s of seed %d\n%s\n", m.Signature, m.Seed, m.text)
}

func (p *textReporter) differed(seed uint64, d *play.Difference) {
	p.status.Clear()
	if d == nil {
		fmt.Fprintf(p.out, "\nseed %d ran in two ways, and did not do so again\n", seed)
		return
	}
	fmt.Fprintf(p.out, "\nseed %d runs in two ways: %v\n", seed, d)
}

func (p *textReporter) summary(c *campaign.Campaign, s *campaign.Summary, cpu time.Duration, replay func(*campaign.Group) string) {
	p.status.Clear()
	fmt.Fprintf(p.out, "\n%d seeds: %d failed, %d undecided, %d ran twice and %d of them differed\n",
		s.Seeds, s.Failed, s.Undecided, s.Guarded, len(s.Differed))
	if s.Undecided > 0 {
		fmt.Fprintf(p.out, "undecided: the check of a history gave up after %v; with a longer --check-timeout it may decide\n", c.CheckTimeout())
	}
	fmt.Fprintf(p.out, "%d operations (%d committed, %d of them transitions, %d rejected, %d unknown), %d messages, %d events\n",
		s.Outcomes.Total(), s.Outcomes.Committed, s.Outcomes.Transitions, s.Outcomes.Rejected, s.Outcomes.Unknown, s.Messages, s.Events)
	for _, words := range notShown(c, s) {
		fmt.Fprintf(p.out, "not shown: %s\n", words)
	}
	p.printFaultHits(s)
	p.printDiskFaults(&s.Disks)
	p.printMarks(c, s)
	fmt.Fprintf(p.out, "%.0f simulated seconds in %.2f s, processor time %.2f s\n", float64(s.Simulated)/1e9, s.Wall.Seconds(), cpu.Seconds())
	fmt.Fprintf(p.out, "hash of all runs %016x\n", s.Hash)
	for _, g := range s.Groups {
		fmt.Fprintf(p.out, "%6d × %-36s first: %s\n", g.Count, g.Signature, replay(g))
	}
}

// printMarks prints the coverage marks that were never hit, and whether the campaign
// is stable.
func (p *textReporter) printMarks(c *campaign.Campaign, s *campaign.Summary) {
	if len(s.Marks) > 0 {
		fmt.Fprintf(p.out, "%d of %d coverage marks hit", s.MarksHit(), len(s.Marks))
		for i, name := range s.NeverHit(c.System) {
			fmt.Fprintf(p.out, "%s %s", []string{"; never hit:", ","}[min(i, 1)], name)
		}
		fmt.Fprintln(p.out)
	}
	if stable(c, s) {
		fmt.Fprintf(p.out, "stable: the last %d seeds have shown no new mark, no new pair of faults and no new kind of failure\n", s.Seeds-s.LastNew)
	}
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

// printFaultHits prints how often each family of faults made a difference, if any did,
// and which families have met.
func (p *textReporter) printFaultHits(s *campaign.Summary) {
	if s.Hits == (scenarios.FamilyHits{}) {
		return
	}
	fmt.Fprint(p.out, "faults that hit:")
	separator := " "
	for f, n := range s.Hits {
		if n > 0 {
			fmt.Fprintf(p.out, "%s%v %d", separator, scenarios.Family(f), n)
			separator = ", "
		}
	}
	fmt.Fprintf(p.out, "\n%v\n", &s.Coverage)
}

// printDiskFaults prints the faults of disks, if there were any.
func (p *textReporter) printDiskFaults(d *play.DiskCounts) {
	if *d == (play.DiskCounts{}) {
		return
	}
	fmt.Fprint(p.out, "disk faults that hit:")
	for i, f := range disk.Faults() {
		fmt.Fprintf(p.out, "%s %v %d", []string{"", ","}[min(i, 1)], f, d.Hits[f])
	}
	fmt.Fprintf(p.out, "\n%d times a node stopped and was started again, %d nodes refused damaged disks\n", d.Stops, d.Refusals)
}

// jsonReporter is the reporter for programs: one JSON object a line.
type jsonReporter struct {
	enc  *json.Encoder
	last time.Time
}

func newJSONReporter(out io.Writer) *jsonReporter {
	e := &jsonReporter{enc: json.NewEncoder(out), last: time.Now()}
	e.enc.SetEscapeHTML(false)
	return e
}

func (e *jsonReporter) begin(*campaign.Campaign) {}

func (e *jsonReporter) progress(s *campaign.Summary, seed uint64) {
	if time.Since(e.last) < 5*time.Second {
		return
	}
	e.last = time.Now()
	e.encode(map[string]any{
		"type": "progress", "seed": seed, "seeds": s.Seeds, "failed": s.Failed, "messages": s.Messages,
		"marks_hit": s.MarksHit(), "sim_s": seconds(time.Duration(s.Simulated)), "wall_s": seconds(s.Wall),
	})
}

func (e *jsonReporter) failure(f failureEvent) {
	f.Type = "failure"
	e.encode(f)
}

func (e *jsonReporter) shrunk(m shrunkEvent) {
	m.Type = "shrunk"
	e.encode(m)
}

func (e *jsonReporter) differed(seed uint64, d *play.Difference) {
	e.encode(struct {
		Type       string           `json:"type"`
		Seed       uint64           `json:"seed"`
		Difference *play.Difference `json:"difference"` // null: the runs did not differ again
	}{"differed", seed, d})
}

// summaryEvent is the last event.
type summaryEvent struct {
	Type        string            `json:"type"`
	System      string            `json:"system"`
	Profile     string            `json:"profile"`
	Seeds       uint64            `json:"seeds"`
	Hash        string            `json:"hash"` // of all runs
	Failed      uint64            `json:"failed"`
	Undecided   uint64            `json:"undecided"`
	CheckS      float64           `json:"check_timeout_s"` // the time that each history had
	Events      uint64            `json:"events"`
	Messages    uint64            `json:"messages"`
	Ops         int               `json:"ops"`
	Committed   int               `json:"committed"`
	Transitions int               `json:"transitions"` // committed
	Rejected    int               `json:"rejected"`
	Unknown     int               `json:"unknown"`
	Hits        map[string]uint64 `json:"hits,omitempty"`
	Pairs       *pairsJSON        `json:"pairs,omitempty"`
	Disks       *disksJSON        `json:"disks,omitempty"`
	Guarded     uint64            `json:"guarded"`
	Differed    []uint64          `json:"differed,omitempty"`
	Groups      []signatureJSON   `json:"signatures,omitempty"`

	Marks    map[string]uint64 `json:"marks,omitempty"` // hits of each mark
	NeverHit []string          `json:"never_hit,omitempty"`
	Stable   bool              `json:"stable,omitempty"` // the campaign ended because it showed nothing new

	NotShown []string `json:"not_shown,omitempty"` // see notShown

	SimS  float64 `json:"sim_s"`
	WallS float64 `json:"wall_s"`
	CPUS  float64 `json:"cpu_s"`
}

// pairsJSON counts the pairs of fault families that have met in a plan.
type pairsJSON struct {
	Met    int `json:"met"`
	Wanted int `json:"wanted"`
}

// disksJSON counts the faults of disks.
type disksJSON struct {
	Hits     map[string]uint64 `json:"hits"`
	Stops    uint64            `json:"stops"`
	Refusals uint64            `json:"refusals"`
}

type signatureJSON struct {
	Signature string `json:"signature"`
	Count     uint64 `json:"count"`
	First     uint64 `json:"first_seed"`
	Replay    string `json:"replay"`
}

func (e *jsonReporter) summary(c *campaign.Campaign, s *campaign.Summary, cpu time.Duration, replay func(*campaign.Group) string) {
	last := summaryEvent{
		Type: "summary", System: c.System.Name, Profile: string(c.Shape.Profile),
		Seeds: s.Seeds, Hash: fmt.Sprintf("%016x", s.Hash), Failed: s.Failed, Undecided: s.Undecided, CheckS: seconds(c.CheckTimeout()), Events: s.Events, Messages: s.Messages,
		Ops: s.Outcomes.Total(), Committed: s.Outcomes.Committed, Transitions: s.Outcomes.Transitions, Rejected: s.Outcomes.Rejected, Unknown: s.Outcomes.Unknown,
		Guarded: s.Guarded, Differed: s.Differed,
		SimS: seconds(time.Duration(s.Simulated)), WallS: seconds(s.Wall), CPUS: seconds(cpu),
	}
	for f, n := range s.Hits {
		if n > 0 {
			if last.Hits == nil {
				last.Hits = map[string]uint64{}
			}
			last.Hits[scenarios.Family(f).String()] = n
		}
	}
	if met, wanted := s.Coverage.Pairs(); wanted > 0 {
		last.Pairs = &pairsJSON{met, wanted}
	}
	if s.Disks != (play.DiskCounts{}) {
		last.Disks = &disksJSON{map[string]uint64{}, s.Disks.Stops, s.Disks.Refusals}
		for _, f := range disk.Faults() {
			last.Disks.Hits[f.String()] = s.Disks.Hits[f]
		}
	}
	if len(c.System.Marks) > 0 {
		last.Marks, last.NeverHit = map[string]uint64{}, s.NeverHit(c.System)
		for i, name := range c.System.Marks {
			last.Marks[name] = s.Marks[i]
		}
	}
	last.Stable, last.NotShown = stable(c, s), notShown(c, s)
	for _, g := range s.Groups {
		last.Groups = append(last.Groups, signatureJSON{g.Signature, g.Count, g.First, replay(g)})
	}
	e.encode(last)
}

// encode writes one event. The output keeps its errors.
func (e *jsonReporter) encode(v any) { _ = e.enc.Encode(v) }

// seconds returns d in seconds, to the millisecond.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
