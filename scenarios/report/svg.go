package report

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// Sizes of the picture, in pixels.
const (
	rowHeight   = 24
	laneWidth   = 120
	leftColumn  = 150 // numbers and times of events
	rightColumn = 640 // their texts
	textRunes   = 84  // of a text in the right column
	lineRunes   = 120 // of a line of the head
	textLine    = 20
)

// svg writes a picture.
type svg struct {
	*figure
	doc  *Document
	out  *bufio.Writer
	top  int             // y of the first row
	used map[string]bool // styles of lines that occur
}

// WriteSVG writes a run of d, by its place in d.Runs, as a picture: the processes side by
// side, time downward, messages as arrows. The fate of a message is told by dashes and
// ends of lines, and not by colour alone.
func WriteSVG(w io.Writer, d *Document, run int) error {
	s := &svg{figure: newFigure(&d.Runs[run]), doc: d, out: bufio.NewWriter(w), used: map[string]bool{}}
	s.picture()
	return s.out.Flush()
}

func (s *svg) printf(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

// text writes a text, which may hold anything.
func (s *svg) text(x, y int, class, text string) {
	s.printf("<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y, class, safe(text))
}

// safe is a text of others as text of XML, in one line.
func safe(text string) string { return html.EscapeString(printable.String(text)) }

// short is a text as it is shown, cut to a number of runes.
func short(text string, runes int) string {
	text = printable.String(text)
	if utf8.RuneCountInString(text) <= runes {
		return text
	}
	return string([]rune(text)[:runes-1]) + "…"
}

func (s *svg) x(id sim.ID) int   { return leftColumn + laneWidth/2 + s.column[id]*laneWidth }
func (s *svg) y(row int) int     { return s.top + row*rowHeight + rowHeight/2 }
func (s *svg) textColumn() int   { return leftColumn + len(s.lanes)*laneWidth + 10 }
func (s *svg) bottom() int       { return s.top + len(s.rows)*rowHeight }
func (s *svg) pictureWidth() int { return s.textColumn() + rightColumn }

// picture writes all of it, the background first.
func (s *svg) picture() {
	head := s.head()
	s.top = textLine*len(head) + 70
	foot := s.foot()
	height := s.bottom() + textLine*(len(foot)+1) + 60
	s.printf(svgHead, s.pictureWidth(), height, s.pictureWidth(), height, safe(s.run.Sentence))
	s.printf("<style>%s</style>\n%s", svgStyle, svgEnds)
	s.printf("<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n", s.pictureWidth(), height)
	for i, line := range head {
		class := "head"
		if i == 0 {
			class = "title"
		}
		s.text(20, textLine*(i+1)+6, class, line)
	}
	s.bands()
	s.violationRow()
	s.lifelines()
	s.bars()
	for i := range s.run.Messages {
		s.message(&s.run.Messages[i])
	}
	for row, event := range s.rows {
		s.event(row, event)
	}
	y := s.bottom() + textLine
	for _, line := range foot {
		s.text(20, y, "head", line)
		y += textLine
	}
	s.legend(y + 16)
	s.printf("</svg>\n")
}

// head is the text above the picture.
func (s *svg) head() []string {
	title := s.run.Signature
	if title == "" {
		title = s.run.Status
	}
	lines := []string{short(fmt.Sprintf("%s, seed %d: %s", s.doc.System, s.doc.Seed, title), lineRunes)}
	lines = append(lines, wrap(s.run.Sentence, lineRunes)...)
	if s.doc.Repeat != "" {
		lines = append(lines, wrap("repeat it: "+s.doc.Repeat, lineRunes)...)
	}
	return lines
}

// foot is the text below it.
func (s *svg) foot() (lines []string) {
	if s.before > 0 {
		lines = append(lines, fmt.Sprintf("%d events before the first one are left out", s.before))
	}
	if s.after > 0 {
		lines = append(lines, fmt.Sprintf("%d events after the violation are left out", s.after))
	}
	return lines
}

// wrap breaks a text into lines, between words where it can.
func wrap(text string, runes int) (lines []string) {
	var line string
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line+" "+word) > runes {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+short(word, runes), " ")
	}
	return append(lines, line)
}

// lifelines draws the lanes with their names.
func (s *svg) lifelines() {
	for _, l := range s.lanes {
		x := s.x(l.ID)
		s.printf("<line class=\"life\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", x, s.top-14, x, s.bottom())
		s.printf("<rect class=\"name\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"26\" rx=\"4\"/>\n", x-laneWidth/2+6, s.top-42, laneWidth-12)
		s.text(x, s.top-24, "lane", short(l.Name, 16))
	}
}

// bands draws the faults of links, across the lanes that they part.
func (s *svg) bands() {
	level := 0
	for i := range s.run.Spans {
		p := &s.run.Spans[i]
		from, to, shown := s.rowsOf(p)
		if !shown || len(p.Sides) == 0 && len(p.Links) == 0 && len(p.Lanes) > 0 {
			continue
		}
		left, right := leftColumn, leftColumn+len(s.lanes)*laneWidth
		s.printf("<rect class=\"band\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", left, from, right-left, to-from)
		s.text(left+4, from+11+12*(level%2), "span", short(p.Text, 60))
		level++
	}
}

// rowsOf is where a span begins and ends in the picture.
func (s *svg) rowsOf(p *Span) (from, to int, shown bool) {
	first, last := s.rowAt(p.From), s.rowAt(p.To+1)
	if p.Begin != nil {
		row, ok := s.row[*p.Begin]
		if !ok {
			return 0, 0, false
		}
		first = row
	}
	if p.Finish != nil {
		if row, ok := s.row[*p.Finish]; ok {
			last = row
		}
	}
	if first >= last || first == len(s.rows) {
		return 0, 0, false
	}
	return s.top + first*rowHeight + 2, s.top + last*rowHeight - 2, true
}

// endsProcesses has the faults that are seen by how long the processes are down.
var endsProcesses = map[string]bool{
	string(scenarios.PowerLoss): true, string(scenarios.ProcessCrash): true, string(scenarios.Wipe): true,
}

// bars draws the conditions of single processes.
func (s *svg) bars() {
	taken := map[sim.ID]int{}
	for i := range s.run.Spans {
		p := &s.run.Spans[i]
		from, to, shown := s.rowsOf(p)
		if !shown || len(p.Sides) > 0 || len(p.Links) > 0 || endsProcesses[p.Kind] {
			continue
		}
		for _, id := range p.Lanes {
			if _, ok := s.column[id]; !ok {
				continue
			}
			class, x, width := "bar", s.x(id)+8+8*(taken[id]%4), 6
			if p.Kind == "down" {
				class, x, width = "down", s.x(id)-5, 10
			} else {
				taken[id]++
			}
			s.printf("<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"><title>%s</title></rect>\n", class, x, from, width, to-from, safe(p.Text))
			s.text(x+width+4, to-4, "span", short(strings.ReplaceAll(p.Kind, "_", " "), 14))
		}
	}
}

// message draws the ways of a message.
func (s *svg) message(m *Message) {
	if _, ok := s.column[m.To]; !ok {
		return
	}
	for _, l := range s.linesOf(m) {
		s.used[l.style] = true
		x1, y1, x2, y2 := s.ends(m, l)
		s.printf("<g class=\"%s\"><title>%s: %s</title><line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" marker-end=\"url(#%s)\"/></g>\n",
			l.style, safe(m.Address), safe(strings.TrimSpace(m.Fate+" "+m.Cause)), x1, y1, x2, y2, l.style)
		s.fate(m, l, x1, y1, x2, y2)
	}
}

// ends are the ends of a line. One that does not arrive ends on the way.
func (s *svg) ends(m *Message, l line) (x1, y1, x2, y2 int) {
	x1, y1, x2 = s.x(m.From), s.y(l.from), s.x(m.To)
	side := sign(x2 - x1)
	switch {
	case l.to >= 0:
		return x1 + 5*side, y1, x2 - 7*side, s.y(l.to)
	case l.style == openLine:
		return x1 + 5*side, y1, x1 + (x2-x1)*35/100, y1 + rowHeight*2/3
	}
	return x1 + 5*side, y1, x1 + (x2-x1)/2, y1 + rowHeight*2/3
}

// fate tells the fate of a message if that is not to be expected: beside the end of a
// line that does not arrive, or else in the middle.
func (s *svg) fate(m *Message, l line, x1, y1, x2, y2 int) {
	words := l.words
	switch {
	case m.Override && m.Fate == dropped:
		words = "lost: fixed by the plan"
	case m.Override && words == "":
		words = "fixed by the plan"
	}
	switch {
	case words == "":
	case l.to >= 0: // near its end, where fewer lines cross
		s.text(x1+(x2-x1)*2/3, y1+(y2-y1)*2/3-4, "fate", short(words, 40))
	case l.style != openLine:
		s.text(x2, y2+15, "fate", short(m.Kind+" "+words, 40))
	}
}

func sign(n int) int {
	if n < 0 {
		return -1
	}
	return 1
}

// event draws an event and tells it in the columns.
func (s *svg) event(row, i int) {
	e := &s.run.Events[i]
	x, y := s.x(e.Lane), s.y(row)
	switch e.Kind {
	case "crash", "lost", "send failed", "disconnected":
		s.printf("<path class=\"cross\" d=\"M%d %dl8 8m-8 0l8 -8\"/>\n", x-4, y-4)
	case "boot", "action", "connection":
		s.printf("<rect class=\"dot\" x=\"%d\" y=\"%d\" width=\"8\" height=\"8\"/>\n", x-4, y-4)
	case "invoke":
		s.printf("<path class=\"dot\" d=\"M%d %dl5 5l-5 5l-5 -5z\"/>\n", x, y-5)
	default:
		s.printf("<circle class=\"dot\" cx=\"%d\" cy=\"%d\" r=\"4\"/>\n", x, y)
	}
	for _, m := range s.marksOf(i) {
		if m.Kind == "sync" {
			s.printf("<path class=\"sync\" d=\"M%d %dh16m0 3h-16\"><title>%s</title></path>\n", x-8, y+6, safe(m.Text))
			s.used["sync"] = true
			break
		}
	}
	if s.contradicts(i) {
		s.printf("<circle class=\"ring\" cx=\"%d\" cy=\"%d\" r=\"9\"/>\n", x, y)
	}
	s.text(12, y+4, "number", fmt.Sprint(e.N))
	s.text(56, y+4, "number", sim.Duration(e.At).String())
	s.tell(y+4, i)
}

// tell tells an event in the right column: its reports first, since they matter most, and
// then the event itself.
func (s *svg) tell(y, i int) {
	var reports []string
	for _, m := range s.marksOf(i) {
		if m.Kind == "observation" || m.Kind == "response" {
			reports = append(reports, m.Text)
		}
	}
	if len(reports) == 0 {
		s.text(s.textColumn(), y, "tell", short(s.run.Events[i].Text, textRunes))
		return
	}
	report := short(strings.Join(reports, "; "), textRunes)
	s.printf("<text x=\"%d\" y=\"%d\" class=\"tell\"><tspan class=\"report\">%s</tspan>", s.textColumn(), y, safe(report))
	if room := textRunes - utf8.RuneCountInString(report) - 2; room > 10 {
		s.printf("<tspan class=\"cause\" dx=\"14\">%s</tspan>", safe(short(s.run.Events[i].Text, room)))
	}
	s.printf("</text>\n")
}

// violationRow marks the row of the violation.
func (s *svg) violationRow() {
	v := s.run.Violation
	if v == nil {
		return
	}
	row, ok := s.row[v.Event]
	if !ok {
		return
	}
	s.printf("<rect class=\"violation\" x=\"4\" y=\"%d\" width=\"%d\" height=\"%d\"><title>%s</title></rect>\n", s.y(row)-rowHeight/2+1, s.pictureWidth()-8, rowHeight-2, safe(v.Sentence))
	s.text(s.pictureWidth()-8, s.y(row)+rowHeight/2+12, "verdict", "▲ "+short(s.run.Signature, lineRunes)+" shows here")
}

// legend tells the lines that occur.
func (s *svg) legend(y int) {
	x := 20
	for _, l := range []struct{ style, words string }{
		{plainLine, "delivered"}, {copyLine, "second arrival"}, {lateLine, "late"}, {lostLine, "lost"}, {damagedLine, "damaged"}, {openLine, "under way"},
	} {
		if !s.used[l.style] {
			continue
		}
		s.printf("<g class=\"%s\"><line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" marker-end=\"url(#%s)\"/></g>\n", l.style, x, y, x+50, y, l.style)
		s.text(x+62, y+4, "head", l.words)
		x += 170
	}
	if s.used["sync"] {
		s.printf("<path class=\"sync\" d=\"M%d %dh16m0 3h-16\"/>\n", x, y)
		s.text(x+28, y+4, "head", "asks for a sync")
		x += 170
	}
	if v := s.run.Violation; v != nil && len(v.Events) > 0 {
		s.printf("<circle class=\"ring\" cx=\"%d\" cy=\"%d\" r=\"9\"/><circle class=\"dot\" cx=\"%d\" cy=\"%d\" r=\"4\"/>\n", x+10, y, x+10, y)
		s.text(x+28, y+4, "head", "belongs to the violation")
	}
}
