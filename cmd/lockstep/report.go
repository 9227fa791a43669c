package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/sim"
	"golang.org/x/term"
)

// reporter tells a campaign's user what happens.
type reporter interface {
	begin(c *campaign.Campaign)
	progress(s *campaign.Summary, seed uint64)
	failure(f found)
	shrunk(m madeSmall)
	summary(c *campaign.Campaign, s *campaign.Summary, cpu time.Duration, replay func(seed uint64) string)
}

// found is the first failure of a signature.
type found struct {
	Type      string `json:"type"`
	Seed      uint64 `json:"seed"`
	Signature string `json:"signature"`
	Sentence  string `json:"sentence"`
	Hash      string `json:"hash"`
	Replay    string `json:"replay"`
	Dir       string `json:"dir"`
	text      string
}

// madeSmall is what became of a failure's plan.
type madeSmall struct {
	Type      string `json:"type"`
	Seed      uint64 `json:"seed"`
	Signature string `json:"signature"`
	Before    size   `json:"before"`
	After     size   `json:"after"`
	Runs      int    `json:"runs"`
	Minimal   bool   `json:"minimal"`
	Replay    string `json:"replay,omitempty"`
	Error     string `json:"error,omitempty"`
	text      string
}

// plain is the reporter for people: what counts goes to out; progress goes to
// status, as one line that changes on a terminal, as rare lines elsewhere.
type plain struct {
	out, status io.Writer
	live        bool
	last        time.Time
	start       time.Time
}

func newPlain(out, status io.Writer) *plain {
	f, ok := status.(*os.File)
	return &plain{out: out, status: status, live: ok && term.IsTerminal(int(f.Fd())), start: time.Now(), last: time.Now()}
}

func (p *plain) begin(c *campaign.Campaign) {
	budget := fmt.Sprintf("seeds %d to %d", c.Start, c.Start+c.Seeds-1)
	if c.Seeds == 0 {
		budget = fmt.Sprintf("seeds from %d for %v", c.Start, c.For)
	}
	fmt.Fprintf(p.out, "system %s, profile %s, %s\n", c.System.Name, c.Shape.Profile, budget)
}

func (p *plain) progress(s *campaign.Summary, seed uint64) {
	pause := 5 * time.Second
	if p.live {
		pause = 100 * time.Millisecond
	}
	if time.Since(p.last) < pause {
		return
	}
	p.last = time.Now()
	wall := s.Wall.Seconds()
	line := fmt.Sprintf("seed %d: %d failed in %d kinds, %.0f seeds/s, %.2f M messages/s, %.0f simulated seconds a second",
		seed, s.Failed, len(s.Groups), float64(s.Seeds)/wall, float64(s.Messages)/wall/1e6, float64(s.Simulated)/1e9/wall)
	if p.live {
		fmt.Fprintf(p.status, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(p.status, line)
}

// clear takes the live line away before something else is printed.
func (p *plain) clear() {
	if p.live {
		fmt.Fprint(p.status, "\r\x1b[K")
	}
}

func (p *plain) failure(f found) {
	p.clear()
	fmt.Fprintf(p.out, "\n%s", f.text)
	fmt.Fprintf(p.out, "repeat it: %s\nkept in:   %s\n", f.Replay, f.Dir)
}

func (p *plain) shrunk(m madeSmall) {
	p.clear()
	fmt.Fprintf(p.out, "\n%s of seed %d\n%s\n", m.Signature, m.Seed, m.text)
}

func (p *plain) summary(_ *campaign.Campaign, s *campaign.Summary, cpu time.Duration, replay func(uint64) string) {
	p.clear()
	fmt.Fprintf(p.out, "\n%d seeds: %d failed, %d undecided, %d ran twice and %d of them differed\n",
		s.Seeds, s.Failed, s.Undecided, s.Guarded, len(s.Differed))
	fmt.Fprintf(p.out, "%d operations (%d committed, %d rejected, %d unknown), %d messages, %d events\n",
		s.Outcomes.Total(), s.Outcomes.Committed, s.Outcomes.Rejected, s.Outcomes.Unknown, s.Messages, s.Events)
	p.disks(&s.Disks)
	fmt.Fprintf(p.out, "%.0f simulated seconds in %.2f s, processor time %.2f s\n", float64(s.Simulated)/1e9, s.Wall.Seconds(), cpu.Seconds())
	for _, g := range s.Groups {
		fmt.Fprintf(p.out, "%6d × %-36s first: %s\n", g.Count, g.Signature, replay(g.First))
	}
}

// disks tells what came of the faults of disks, if there were any.
func (p *plain) disks(d *campaign.Disks) {
	if *d == (campaign.Disks{}) {
		return
	}
	fmt.Fprint(p.out, "disk faults that hit:")
	for i, f := range sim.DiskFaults() {
		fmt.Fprintf(p.out, "%s %v %d", []string{"", ","}[min(i, 1)], f, d.Hits[f])
	}
	fmt.Fprintf(p.out, "\n%d times a node stopped and was started again, %d nodes refused damaged disks\n", d.Stops, d.Refusals)
}

// events is the reporter for programs: one JSON object a line.
type events struct {
	enc  *json.Encoder
	last time.Time
}

func newEvents(out io.Writer) *events {
	e := &events{enc: json.NewEncoder(out), last: time.Now()}
	e.enc.SetEscapeHTML(false)
	return e
}

func (e *events) begin(*campaign.Campaign) {}

func (e *events) progress(s *campaign.Summary, seed uint64) {
	if time.Since(e.last) < 5*time.Second {
		return
	}
	e.last = time.Now()
	e.put(map[string]any{"type": "progress", "seed": seed, "seeds": s.Seeds, "failed": s.Failed, "wall_s": seconds(s.Wall)})
}

func (e *events) failure(f found) {
	f.Type = "failure"
	e.put(f)
}

func (e *events) shrunk(m madeSmall) {
	m.Type = "shrunk"
	e.put(m)
}

// summed is the last event.
type summed struct {
	Type      string   `json:"type"`
	System    string   `json:"system"`
	Profile   string   `json:"profile"`
	Seeds     uint64   `json:"seeds"`
	Failed    uint64   `json:"failed"`
	Undecided uint64   `json:"undecided"`
	Events    uint64   `json:"events"`
	Messages  uint64   `json:"messages"`
	Ops       int      `json:"ops"`
	Committed int      `json:"committed"`
	Rejected  int      `json:"rejected"`
	Unknown   int      `json:"unknown"`
	Disks     *disks   `json:"disks,omitempty"`
	Guarded   uint64   `json:"guarded"`
	Differed  []uint64 `json:"differed,omitempty"`
	Groups    []group  `json:"signatures,omitempty"`
	SimS      float64  `json:"sim_s"`
	WallS     float64  `json:"wall_s"`
	CPUS      float64  `json:"cpu_s"`
}

// disks is what came of the faults of disks.
type disks struct {
	Hits     map[string]uint64 `json:"hits"`
	Stops    uint64            `json:"stops"`
	Refusals uint64            `json:"refusals"`
}

type group struct {
	Signature string `json:"signature"`
	Count     uint64 `json:"count"`
	First     uint64 `json:"first_seed"`
	Replay    string `json:"replay"`
}

func (e *events) summary(c *campaign.Campaign, s *campaign.Summary, cpu time.Duration, replay func(uint64) string) {
	last := summed{
		Type: "summary", System: c.System.Name, Profile: string(c.Shape.Profile),
		Seeds: s.Seeds, Failed: s.Failed, Undecided: s.Undecided, Events: s.Events, Messages: s.Messages,
		Ops: s.Outcomes.Total(), Committed: s.Outcomes.Committed, Rejected: s.Outcomes.Rejected, Unknown: s.Outcomes.Unknown,
		Guarded: s.Guarded, Differed: s.Differed,
		SimS: seconds(time.Duration(s.Simulated)), WallS: seconds(s.Wall), CPUS: seconds(cpu),
	}
	if s.Disks != (campaign.Disks{}) {
		last.Disks = &disks{map[string]uint64{}, s.Disks.Stops, s.Disks.Refusals}
		for _, f := range sim.DiskFaults() {
			last.Disks.Hits[f.String()] = s.Disks.Hits[f]
		}
	}
	for _, g := range s.Groups {
		last.Groups = append(last.Groups, group{g.Signature, g.Count, g.First, replay(g.First)})
	}
	e.put(last)
}

// put leaves the error to output.
func (e *events) put(v any) { _ = e.enc.Encode(v) }

// seconds rounds to a millisecond.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
