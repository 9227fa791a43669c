package checker

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

// pageHTML renders an Account as the head of a page.
//
//go:embed page.html
var pageHTML string

// pageData is the data of pageHTML.
type pageData struct {
	*Account
	Title string
	Claim string
	Rows  []pageRow
	Chart string // the reason why there is none; empty if there is one
}

// pageRow is a row with the bar that shows its interval, in percent of the
// width. Instants are in order, not to scale.
type pageRow struct {
	Row
	Left, Width int
	Open        bool // the bar has no right end
	From, Until string
}

// writePage writes the page of an account, with a page of Porcupine's below, or
// the reason why there is none.
func writePage(w io.Writer, a *Account, title, chart string, noChart error) error {
	data := pageData{Account: a, Title: title + " is " + string(a.Verdict), Rows: pageRows(a.Rows)}
	if a.Verdict == Violated {
		data.Title = title + " is not linearizable"
	}
	n := 0
	for i := range a.Rows {
		if a.Rows[i].Contradicts {
			n++
		}
	}
	if n > 0 {
		data.Claim = a.claim(n, "shaded")
	}
	if noChart != nil {
		data.Chart = noChart.Error()
	}
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("page of a verdict: %w", err)
	}
	var head strings.Builder
	if err := t.Execute(&head, data); err != nil {
		return fmt.Errorf("page of a verdict: %w", err)
	}
	if noChart != nil {
		chart = emptyPage
	}
	before, after, found := strings.Cut(chart, "<body>")
	if !found {
		return fmt.Errorf("page of a verdict: Porcupine's page has no <body> any more: find out where the account goes")
	}
	before = strings.Replace(before, "<title>Porcupine</title>", "<title>"+separators.Replace(template.HTMLEscapeString(data.Title))+"</title>", 1)
	_, err = io.WriteString(w, before+"<body>\n"+separators.Replace(head.String())+after)
	return err
}

// emptyPage takes the place of Porcupine's page.
const emptyPage = "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"UTF-8\" /><title>Porcupine</title></head>\n<body></body>\n</html>\n"

// separators replaces the line separators of Unicode, which some tools that look
// at a page take for ends of lines.
var separators = strings.NewReplacer("\u2028", "&#x2028;", "\u2029", "&#x2029;")

// pageRows places the bars of rows.
func pageRows(rows []Row) (placed []pageRow) {
	instants := instantsOf(rows)
	column := func(t int64) int {
		i, _ := slices.BinarySearch(instants, t)
		return 100 * i / max(len(instants), 1)
	}
	for i := range rows {
		p := pageRow{Row: rows[i], Left: column(rows[i].Call), From: formatTime(rows[i].Call), Until: "on", Open: rows[i].Return == nil}
		end := 100
		if !p.Open {
			end, p.Until = column(*rows[i].Return), "to "+formatTime(*rows[i].Return)
		}
		p.Width = max(end-p.Left, 1)
		placed = append(placed, p)
	}
	return placed
}
