package report_test

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/lockstep-dst/lockstep/scenarios/internal/pageparts/pagetest"
	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/stretchr/testify/require"
)

var pagesDir = flag.String("pages", "", "keep the pages of the browser tests, and pictures of them, in this directory")

// chromium is the one browser of a test and of its subtests, with one page at a time: a
// new one in a tab of its own takes much longer.
type chromium struct {
	ctx  context.Context
	left context.CancelFunc // ends the listeners of the page that is shown; nil: there is none
}

// browser starts a browser, or skips the test.
func browser(t *testing.T) *chromium {
	t.Helper()
	return &chromium{ctx: pagetest.Browser(t)}
}

// tab is a page that is shown, until the next one is. Its test fails if a script does, or
// if it asks for anything but its own file.
type tab struct {
	t    *testing.T
	ctx  context.Context
	name string
}

// open writes a document as a page and opens it from its file. The address may go on
// with a fragment; media are features of CSS and their values.
func open(t *testing.T, b *chromium, name string, d *report.Document, fragment string, media ...string) *tab {
	t.Helper()
	dir := *pagesDir
	if dir == "" {
		dir = t.TempDir()
	}
	file, err := filepath.Abs(filepath.Join(dir, name+".html"))
	require.NoError(t, err)
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, report.WriteHTML(f, d))
	require.NoError(t, f.Close())

	if b.left != nil {
		b.left()
	}
	ctx, left := context.WithCancel(b.ctx)
	b.left = left
	t.Cleanup(left)
	p := &tab{t: t, ctx: ctx, name: strings.TrimSuffix(file, ".html")}
	address := (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String()
	pagetest.Watch(t, ctx, func(asked string) bool { return asked == address || asked == "about:blank" })
	p.media(media...)
	p.do(chromedp.Navigate("about:blank"), chromedp.EmulateViewport(1400, 1000), chromedp.Navigate(address+fragment))
	return p
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, actions...))
}

// media sets features of CSS, as in "prefers-color-scheme", "dark".
func (p *tab) media(features ...string) {
	p.t.Helper()
	var list []*emulation.MediaFeature
	for i := 0; i+1 < len(features); i += 2 {
		list = append(list, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: list})
	require.NoError(p.t, err)
}

// eval returns the value of an expression of JavaScript in the page.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err, expression)
	return v
}

// text returns the text of the first element that a selector finds.
func (p *tab) text(selector string) string {
	p.t.Helper()
	return eval[string](p, fmt.Sprintf(`(document.querySelector(%q)?.textContent ?? "no element " + %q)`, selector, selector))
}

// keys types keys where the focus is.
func (p *tab) keys(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// show chooses the rows that the list of events has.
func (p *tab) show(rows string) {
	p.t.Helper()
	require.Equal(p.t, rows, eval[string](p, fmt.Sprintf(`(() => { const s = document.getElementById("shown"); s.value = %q; s.dispatchEvent(new Event("change")); return s.value; })()`, rows)))
}

// frame waits until the page has drawn.
func (p *tab) frame() {
	p.t.Helper()
	eval[bool](p, `new Promise(f => requestAnimationFrame(() => requestAnimationFrame(() => f(true))))`)
}

// picture keeps a picture of the window, if pages are kept.
func (p *tab) picture(ending string, width, height int64) {
	p.t.Helper()
	if *pagesDir == "" {
		return
	}
	p.do(chromedp.EmulateViewport(width, height))
	p.frame()
	data, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	require.NoError(p.t, err)
	require.NoError(p.t, os.WriteFile(p.name+ending+".png", data, 0o666))
}
