package report_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// hostileName is a name that tries to be more than text: of HTML, SVG, a template, Mermaid
// and a terminal.
const hostileName = "</script><script>alert(1)</script><!-- {{script}} \u2028\u2029\u202e\x1b[2J\x00 \"'&;#\n end\nparticipant"

// hostileDocument has each fate of a message, each kind of span, and hostile names
// wherever a name can be.
func hostileDocument() *report.Document {
	h := hostileName
	at := func(i int) *int { return &i }
	events := []report.Event{
		{N: 1, Lane: 1, Kind: "boot", Text: "boot 1"},
		{N: 2, At: 1, Lane: 0, Kind: "action", Text: "begin: " + h},
		{N: 2, At: 1, Lane: 3, Kind: "crash", Text: "power loss"},
		{N: 3, At: 2, Lane: 101, Kind: "invoke", Text: h},
		{N: 4, At: 3, Lane: 2, Kind: "receive", Text: h, Message: at(0)},
		{N: 5, At: 4, Lane: 2, Kind: "receive", Text: h, Message: at(0), Copy: true},
		{N: 6, At: 5, Lane: 3, Kind: "lost", Text: h, Message: at(1)},
		{N: 7, At: 6, Lane: 1, Kind: "receive", Text: h, Message: at(2)},
		{N: 8, At: 7, Lane: 1, Kind: "timer", Text: "timer 1"}, // of no consequence
		{N: 9, At: 8, Lane: 1, Kind: "timer", Text: "timer 2"},
	}
	message := func(from, to sim.ID, fate string, arrivals ...report.Arrival) report.Message {
		return report.Message{From: from, To: to, Sent: 3, At: 2, Address: h, Kind: h, Text: h, Fate: fate, Arrivals: arrivals}
	}
	twice := message(101, 2, "delivered", report.Arrival{Due: 3, Event: at(4), At: 3}, report.Arrival{Due: 4, Event: at(5), At: 4})
	twice.Override, twice.Duplicate = true, true
	late := message(2, 1, "delivered", report.Arrival{Due: 6, Event: at(7), At: 6})
	late.Late, late.Sent, late.At = true, 4, 3
	cut, damaged := message(101, 1, "dropped"), message(101, 3, "dropped")
	cut.Cause, damaged.Cause, damaged.Damaged = h, "corrupt", true
	run := report.Run{
		Name: "shrunk", Status: "violated", Signature: h, Sentence: h, Hash: h, Count: 9, Last: 9, End: 8,
		Plan: report.Plan{Nodes: 3, Clients: 1, Objects: []string{h}, Summary: []string{h}, Operations: []string{h}},
		Lanes: []report.Lane{
			{0, "world", "world"}, {1, "node", "node 1"}, {2, "node", h}, {3, "node", "node 3"}, {101, "client", "client 1"}, {199, "fresh", "fresh operations"},
		},
		Events: events,
		Messages: []report.Message{
			twice, message(101, 3, "lost", report.Arrival{Due: 5, Event: at(6), At: 5, Lost: h}), late, cut, damaged,
			message(101, 1, "open", report.Arrival{Due: 99, At: 99}),
		},
		Marks: []report.Mark{
			{Event: 0, Lane: 1, Kind: "sync", Name: "sync", Text: "sync " + h}, {Event: 4, At: 3, Lane: 2, Kind: "observation", Name: h, Text: h},
			{Event: 9, At: 8, Lane: 1, Kind: "observation", Name: "applied", Text: "applied " + h},
		},
		Spans: []report.Span{
			{Kind: "down", Text: h, From: 1, To: 8, Lanes: []sim.ID{3}, Begin: at(2)},
			{Kind: "partition", Text: h, From: 2, To: 4, Lanes: []sim.ID{1, 2, 3}, Sides: [][]sim.ID{{1}, {2, 3}}},
			{Kind: h, Text: h, From: 3, To: 6, Lanes: []sim.ID{1, 2}},
			{Kind: "clog", Text: h, From: 5, To: 6, Links: []report.Link{{1, 2}}},
		},
		Operations: []report.Operation{{ID: h, Lane: 101, Key: h, Request: h, Outcome: "unknown"}},
		Violation:  &report.Violation{Property: h, Class: h, Sentence: h, At: 8, Event: 9, Lane: 1, Object: h, Events: []int{4, 9}},
		States:     &report.States{Source: "dump", Changes: []report.Change{{Event: 0, Lane: 1, Set: map[string]string{h: h}}}},
		Trace:      []string{h},
	}
	return &report.Document{
		Format: report.Format, Version: report.Version, System: h, About: h, Seed: 1<<64 - 1, Status: "violated", Signature: h, Sentence: h, Repeat: h,
		Runs: []report.Run{run}, Cut: []string{h},
	}
}

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, write(&b))
	return b.String()
}

// No name ends the element that holds the document, and the document comes back whole.
func TestAPageHoldsHostileNames(t *testing.T) {
	page := written(t, func(w io.Writer) error { return report.WriteHTML(w, hostileDocument()) })
	require.NotContains(t, page, "alert(1)</script>")
	require.NotContains(t, page, "{{style}}")
	require.NotContains(t, page, "\u2028")
	_, rest, found := strings.Cut(page, `<script type="application/json" id="document">`)
	require.True(t, found)
	data, _, _ := strings.Cut(rest, "</script")
	require.NotContains(t, data, "<")
	require.NotContains(t, data, "&")
	var back report.Document
	require.NoError(t, json.Unmarshal([]byte(data), &back))
	want := hostileDocument()
	require.Equal(t, want, &back)
}

// The picture is well-formed, and has no element that a name has brought.
func TestAPictureHoldsHostileNames(t *testing.T) {
	picture := written(t, func(w io.Writer) error { return report.WriteSVG(w, hostileDocument(), 0) })
	d := xml.NewDecoder(strings.NewReader(picture))
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok {
			require.NotEqual(t, "script", e.Name.Local)
		}
	}
	require.NotContains(t, picture, "\u202e")
	for _, style := range []string{"delivered", "copy", "late", "lost", "damaged", "open"} {
		require.Contains(t, picture, `<g class="`+style+`"><title>`, "each fate has a line of its own")
	}
	golden.Equal(t, "testdata/hostile.svg", picture)
}

// Every line of the diagram is one of the few forms that Mermaid knows.
func TestASequenceDiagramHoldsHostileNames(t *testing.T) {
	diagram := written(t, func(w io.Writer) error { return report.WriteMermaid(w, hostileDocument(), 0) })
	form := regexp.MustCompile(`^(sequenceDiagram|  participant p\d+ as [^;{}<>"]*|  Note over p\d+(,p\d+)?: .*|  p\d+(->>|-->>|--x)p\d+: .*)$`)
	end := regexp.MustCompile(`(?i)\bend\b`)
	for line := range strings.Lines(regexp.MustCompile(`#\d+;`).ReplaceAllString(diagram, "")) {
		line = strings.TrimSuffix(line, "\n")
		require.Regexp(t, form, line)
		require.NotRegexp(t, end, line)
		require.NotContains(t, line, "<")
	}
	golden.Equal(t, "testdata/hostile.mmd", diagram)
}

// The log has lines that ShiViz reads with the expression of its head, and clocks in which
// each event of a host is one later than the one before, and later than its cause.
func TestALogForShiVizHasVectorClocks(t *testing.T) {
	for _, d := range []*report.Document{hostileDocument(), documentOf(t, "restart-forks"), documentOf(t, "shrunk-read")} {
		log := written(t, func(w io.Writer) error { return report.WriteShiViz(w, d, 0) })
		head, rest, _ := strings.Cut(log, "\n\n")
		lines := regexp.MustCompile(strings.ReplaceAll(head, "(?<", "(?P<")).FindAllStringSubmatch(rest, -1)
		require.Len(t, lines, len(d.Runs[0].Events))
		clocks := make([]map[string]int, len(lines))
		last := map[string]int{}
		for i, line := range lines {
			require.NoError(t, json.Unmarshal([]byte(line[2]), &clocks[i]))
			last[line[1]]++
			require.Equal(t, last[line[1]], clocks[i][line[1]], "event %d", i)
			if m := d.Runs[0].Events[i].Message; m != nil {
				sent := d.Runs[0].Messages[*m].Sent
				for host, n := range clocks[sent] {
					require.GreaterOrEqual(t, clocks[i][host], n)
				}
			}
		}
	}
}
