package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

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

func (e *jsonReporter) shrinking(*failureEvent, int, int) func(*scenarios.Plan, int) { return nil }

func (e *jsonReporter) shrunk(m shrunkEvent) {
	m.Type = "shrunk"
	e.encode(m)
}

func (e *jsonReporter) comparing(uint64) {}

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

	Interrupted bool   `json:"interrupted,omitempty"` // it was ended before its budget was used up
	GoOn        string `json:"go_on,omitempty"`       // the line that goes on with it

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

func (e *jsonReporter) summary(c *campaign.Campaign, s *campaign.Summary, end *ending) {
	last := summaryEvent{
		Type: "summary", System: c.System.Name, Profile: string(c.Shape.Profile),
		Seeds: s.Seeds, Hash: fmt.Sprintf("%016x", s.Hash), Failed: s.Failed, Undecided: s.Undecided, CheckS: seconds(c.CheckTimeout()), Events: s.Events, Messages: s.Messages,
		Ops: s.Outcomes.Total(), Committed: s.Outcomes.Committed, Transitions: s.Outcomes.Transitions, Rejected: s.Outcomes.Rejected, Unknown: s.Outcomes.Unknown,
		Guarded: s.Guarded, Differed: s.Differed,
		SimS: seconds(time.Duration(s.Simulated)), WallS: seconds(s.Wall), CPUS: seconds(end.cpu),
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
	last.Interrupted, last.GoOn = s.Interrupted, end.goOn
	for _, g := range s.Groups {
		last.Groups = append(last.Groups, signatureJSON{g.Signature, g.Count, g.First, end.replay(g)})
	}
	e.encode(last)
}

func (e *jsonReporter) close() {}

// encode writes one event. The output keeps its errors.
func (e *jsonReporter) encode(v any) { _ = e.enc.Encode(v) }

// seconds returns d in seconds, to the millisecond.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
