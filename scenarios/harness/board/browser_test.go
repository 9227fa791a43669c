package board

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/lockstep-dst/lockstep/scenarios/internal/pageparts/pagetest"
	"github.com/stretchr/testify/require"
)

var picturesDir = flag.String("pictures", "", "keep pictures of the page in this directory")

// The page in a browser: it shows the failures of the folder, follows the campaign, and opens the
// report of a failure. Its scripts do not fail, and it sends no other requests.
func TestPageInABrowser(t *testing.T) {
	dir := t.TempDir()
	fillFolder(t, dir)
	live := NewLive(20_000)
	progress := newProgress(live)
	progress.add(90)
	mutants := []Mutant{{Mutant: "quick", Kills: 5, Starts: 5, Seeds: 2}, {Mutant: "slow", Kills: 5, Starts: 5, Seeds: 700}, {Mutant: hostile, Class: hostile, Starts: 5, Seeds: 2000}}
	machines := []Worker{{Name: hostile, Build: "0123456789abcdef", Now: "range night/3", Seeds: 4000, Jobs: 4, Heard: time.Date(2030, 1, 6, 10, 0, 0, 0, time.UTC)}}
	b := pagetest.Browser(t)
	address := start(t, t.Context(), Config{Dir: dir, Live: live, Source: &others{machines: machines}, Mutants: mutants, Every: 200 * time.Millisecond})
	p := openPage(t, b, address)

	p.eventually(`document.querySelectorAll(".failure").length`, 6)
	p.is(`[...document.querySelectorAll(".failure:not(.gone) > .head > .word")].map((e) => e.textContent).join()`, "= ongoing,+ new,! regressed,+ new")
	p.is(`document.querySelector(".failure.gone h3").textContent`, "agreement/applied-twice")
	p.is(`document.querySelectorAll("#campaigns tbody tr").length`, 5)
	p.is(`document.querySelectorAll("img, script:not([src])").length`, 0) // of the names that are markup
	p.is(`document.body.innerText.includes("<img src=x onerror=alert(1)>")`, true)
	p.is(`document.querySelector("#kills p").textContent`, "2 of 3 mutants found by campaigns.")
	p.is(`document.querySelectorAll("#machines tbody tr").length`, 1)
	p.is(`[...document.querySelectorAll("#commit-table tbody th")].map((e) => e.textContent).join()`, "3333333333,2222222222,1111111111,0000000000")
	p.pictures("")

	// The figures move, and the choices of a reader stay.
	p.do(chromedp.Click(chromedp.CSS("#figures details summary")))
	p.run(`document.querySelector(".failure button").focus()`)
	was := p.value(`document.querySelector("#figures .tile dd").textContent`)
	progress.add(20)
	p.eventually(fmt.Sprintf(`document.querySelector("#figures .tile dd").textContent !== %q`, was), true)
	p.eventually(`document.querySelectorAll("#figures tbody tr").length > 30`, true)
	require.NoError(t, AppendRecord(dir, recordOf(3)))
	p.eventually(`document.querySelectorAll("#campaigns tbody tr").length`, 6)
	p.is(`document.activeElement.textContent`, "copy")
	p.run(`document.querySelector("#figures svg.plot[tabindex]").focus()`)
	p.do(chromedp.KeyEvent(kb.ArrowLeft))
	p.eventually(`document.querySelector("#figures .key [role=status]").textContent.includes("seeds/s")`, true)

	// No wider than a phone.
	p.do(chromedp.EmulateViewport(360, 800))
	p.is(`document.documentElement.scrollWidth <= innerWidth`, true)
	p.do(chromedp.EmulateViewport(1300, 1000))

	// One click to the report, and its own script runs.
	p.do(chromedp.Click(chromedp.CSS(".failure .files a.first")))
	p.eventually(`document.title`, "report ran")
	p.is(`location.pathname.endsWith("/report.html")`, true)
	p.is(`(() => { try { return localStorage.length } catch { return "none" } })()`, "none")
}

// fillFolder makes a folder with four campaigns, and failures with hostile names.
func fillFolder(t *testing.T, dir string) {
	records := []Record{
		ran(0, 1999, "linearizability/read@13", "agreement/applied-twice@4", "durability/lost@77"),
		ran(0, 1999, "linearizability/read@13", "agreement/applied-twice@4"),
		ran(0, 1999, "linearizability/read@13", "agreement/applied-twice@4"),
		ran(0, 4999, "linearizability/read@13", "durability/lost@77", hostile+"@1999"),
	}
	for i, r := range records {
		r = of("mine", "p", r)
		r.Version, r.Profile, r.Command = recordVersion, "all", "mine fuzz --seeds 2000"
		r.Ended = time.Date(2030, 1, 2+i, 22, 10, 0, 0, time.UTC)
		r.Failed, r.Seconds, r.SeedsPerSecond = uint64(len(r.Signatures)), 12+float64(i), 150-9*float64(i%3)
		r.Marks, r.Pairs = Reached{110, 117}, Reached{465, 465}
		r.Build.Revision = strings.Repeat(fmt.Sprint(i), 40)
		if i == 3 {
			r.System, r.Command = "mine", hostile
		}
		for j := range r.Signatures {
			g := &r.Signatures[j]
			g.Count, g.Replay = uint64(3+i+j), fmt.Sprintf("mine replay %d", g.First)
		}
		require.NoError(t, AppendRecord(dir, r))
	}
	write(t, dir, "mine-13-linearizability-read/verdict.txt", "mine, seed 13: violated linearizability/read at 80ms\nA read of lamp/hall saw off after on was acknowledged\n\nrepeat it: mine replay 13\n")
	write(t, dir, "mine-13-linearizability-read/report.html", `<title>report</title><script>document.title = "report ran"</script>`)
	for _, name := range textNames[1:5] {
		write(t, dir, "mine-13-linearizability-read/"+name, "x")
	}
	folder := strings.ReplaceAll(hostile, "/", "-")
	write(t, dir, folder+"/verdict.txt", hostile)
}

// progress is a campaign that goes on when a test says so.
type progress struct {
	live   *Live
	record Record
}

func newProgress(live *Live) *progress {
	r := of("mine", "p", ran(5000, 5000, "linearizability/read@5013", "agreement/other@5005"))
	r.Profile, r.Command, r.Seeds, r.Seconds = "all", "mine fuzz --seeds 20000", 0, 0
	return &progress{live, r}
}

// add goes on for so many seconds.
func (p *progress) add(seconds int) {
	for range seconds {
		r := &p.record
		r.Seconds++
		r.Seeds += 130 + uint64(17*r.Seconds)%40
		r.Last, r.SeedsPerSecond = r.First+r.Seeds-1, float64(r.Seeds)/r.Seconds
		r.Failed = uint64(r.Seconds / 11)
		r.Undecided = uint64(r.Seconds / 60)
		r.Marks = Reached{min(117, 40+int(r.Seconds)), 117}
		r.Pairs = Reached{min(465, 200+int(9*r.Seconds)), 465}
		p.live.Update(*r, time.Duration(150-r.Seconds)*time.Second, true)
	}
}

// browserPage is the page in a browser. Its test fails if a script does, or if the page
// asks another server for anything.
type browserPage struct {
	t   *testing.T
	ctx context.Context
}

func openPage(t *testing.T, browser context.Context, address string) *browserPage {
	p := &browserPage{t: t, ctx: browser}
	pagetest.Watch(t, browser, func(asked string) bool { return strings.HasPrefix(asked, address) })
	p.do(chromedp.EmulateViewport(1300, 1000), chromedp.Navigate(address))
	return p
}

func (p *browserPage) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 3*time.Minute)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, actions...))
}

// value returns the value of an expression of JavaScript, as text.
func (p *browserPage) value(expression string) string {
	p.t.Helper()
	v, err := p.evaluate(expression)
	require.NoError(p.t, err, expression)
	return v
}

func (p *browserPage) evaluate(expression string) (string, error) {
	ctx, cancel := context.WithTimeout(p.ctx, 3*time.Minute)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")", chromedp.EvalAwaitPromise))
}

func (p *browserPage) run(statement string) {
	p.t.Helper()
	p.value("(() => { " + statement + " })()")
}

func (p *browserPage) is(expression string, want any) {
	p.t.Helper()
	require.Equal(p.t, fmt.Sprint(want), p.value(expression), expression)
}

// eventually waits until an expression has a value. While the browser goes to another page
// there is none.
func (p *browserPage) eventually(expression string, want any) {
	p.t.Helper()
	for range 4000 {
		if v, err := p.evaluate(expression); err == nil && v == fmt.Sprint(want) {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	p.is(expression, want)
}

// pictures keeps pictures of the whole page, if they are wanted: light, dark, and narrow.
func (p *browserPage) pictures(ending string) {
	p.t.Helper()
	if *picturesDir == "" {
		return
	}
	for _, c := range []struct {
		name   string
		scheme string
		width  int64
		height int64
	}{{"light", "light", 1300, 2300}, {"dark", "dark", 1300, 2300}, {"narrow", "light", 500, 3600}} {
		_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: c.scheme}}})
		require.NoError(p.t, err)
		p.do(chromedp.EmulateViewport(c.width, c.height))
		p.value(`new Promise(f => requestAnimationFrame(() => requestAnimationFrame(() => f(true))))`)
		data, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		require.NoError(p.t, err)
		require.NoError(p.t, os.WriteFile(filepath.Join(*picturesDir, "board-"+c.name+ending+".png"), data, 0o666))
	}
	p.do(chromedp.EmulateViewport(1300, 1000))
}
