// Package pagetest tests pages in a browser.
package pagetest

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// names lists the programs that are Chromium.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// Browser starts a browser until the test ends, and returns the context of its tab. The
// test is skipped where there is none.
func Browser(t *testing.T) context.Context {
	t.Helper()
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WSURLReadTimeout(time.Minute))
		ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
		t.Cleanup(stop)
		ctx, end := chromedp.NewContext(ctx)
		t.Cleanup(end)
		require.NoError(t, chromedp.Do(ctx))
		return ctx
	}
	t.Skipf("the page is not tested: no Chromium is found (%s); Debian has it as package chromium", strings.Join(names, ", "))
	return nil
}

// Watch listens to the pages of a tab from now on, until the context ends. The test fails
// at its end if a script has failed, there was a message on the console or in the log of
// the browser, or a request was sent to an address that is not allowed.
func Watch(t *testing.T, tab context.Context, allowed func(address string) bool) {
	t.Helper()
	var lock sync.Mutex
	var problems []string
	require.NoError(t, chromedp.Listen(tab, func(event any) {
		if p := problem(event, allowed); p != "" {
			lock.Lock()
			problems = append(problems, p)
			lock.Unlock()
		}
	}))
	_, err := chromedp.Call(tab, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	t.Cleanup(func() {
		lock.Lock()
		defer lock.Unlock()
		require.Empty(t, problems)
	})
}

// problem describes an event that must not be; it is empty for any other.
func problem(event any, allowed func(address string) bool) string {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		return text
	case *runtime.EventConsoleAPICalled:
		text := "console:"
		for _, a := range e.Args {
			text += fmt.Sprintf(" %s", a.Value)
		}
		return text
	case *log.EventEntryAdded:
		return "log: " + e.Entry.Text + " " + e.Entry.URL
	case *network.EventRequestWillBeSent:
		if !allowed(e.Request.URL) {
			return "request: " + e.Request.URL
		}
	}
	return ""
}
