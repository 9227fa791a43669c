package checker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/stretchr/testify/require"
)

// hostile are names that would act or look different if a page took them for
// markup or script.
var hostile = []string{
	`<img src=x onerror="document.title='ran'">`,
	`</script><script>document.title='ran'</script>`,
	`<!--<script>`,
	`'"&`,
	`&lt;b&gt;`,
	"a\u2028b\u2029c",
	`${document.title='ran'}`,
}

// hostileHistory is not linearizable, and has a hostile name in every text.
func hostileHistory() history.History {
	key := strings.Join(hostile, "/")
	h := history.History{Model: history.ModelKV}
	at := int64(0)
	add := func(op history.Operation) {
		op.Client, op.Machine, op.Version, op.Call = len(h.Operations)+1, key, history.NoVersion, at
		op.ID = fmt.Sprintf("%s %d", hostile[len(h.Operations)%len(hostile)], op.Client)
		if op.Return = at + 5; op.Outcome == history.Unknown {
			op.Return = history.NoReturn
		}
		at += 10
		h.Operations = append(h.Operations, op)
	}
	for _, name := range hostile {
		add(history.Operation{Kind: history.KindWrite, Argument: name, Outcome: history.Committed})
		add(history.Operation{Kind: history.KindRead, Outcome: history.Committed, State: name})
		add(history.Operation{Kind: history.KindCAS, Expected: name, Argument: name, Outcome: history.Unknown, Reason: name})
	}
	add(history.Operation{Kind: history.KindRead, Outcome: history.Rejected, Reason: hostile[0]})
	add(history.Operation{Kind: history.KindRead, Outcome: history.Committed, State: "never " + hostile[0]})
	return h
}

// shown is the data of a page's script.
type shown struct {
	Partitions []struct {
		History               []struct{ Description, Metadata string }
		PartialLinearizations [][]struct{ StateDescription string }
	}
	Annotations []struct{ Tag, Description, Details string }
}

func pageOf(t *testing.T, h history.History, notes []history.Annotation) (page string, data shown) {
	var b bytes.Buffer
	require.NoError(t, Visualize(t.Context(), &b, h, h.Operations[0].Machine, notes, nil))
	page = b.String()
	_, after, found := strings.Cut(page, "const data = ")
	require.True(t, found)
	text, _, _ := strings.Cut(after, "\n")
	require.NoError(t, json.Unmarshal([]byte(text), &data))
	return page, data
}

// No text of a history is markup or script on its page, and all of it is
// readable there.
func TestPagesTakeNoNameForMarkup(t *testing.T) {
	h := hostileHistory()
	page, data := pageOf(t, h, []history.Annotation{{Start: 0, End: history.MaxTime, Text: hostile[0]}})

	require.Equal(t, 1, strings.Count(page, "</script>"))
	for _, never := range []string{"<img", "<!--", "\u2028", "\u2029"} {
		require.NotContains(t, page, never)
	}

	states := map[string]bool{}
	for _, order := range data.Partitions[0].PartialLinearizations {
		for _, step := range order { // becomes markup
			require.NotContains(t, step.StateDescription, "<")
			states[html.UnescapeString(step.StateDescription)] = true
		}
	}
	var texts []string // become text, and would look wrong if they were escaped
	for _, op := range data.Partitions[0].History {
		texts = append(texts, op.Description)
		require.Empty(t, op.Metadata, "becomes markup: escape it")
	}
	all := strings.Join(texts, "\n")
	for _, name := range hostile {
		require.True(t, states[name], "no state reads %s: %v", name, states)
		require.Contains(t, all, "read "+name)
	}
	noted := false
	for _, a := range data.Annotations {
		noted = noted || a.Tag == "faults" && a.Description == hostile[0]
	}
	require.True(t, noted)
}

// Porcupine's script makes markup of states, and of metadata, which these pages
// do not have. If this fails the script has changed: find out which other texts
// to escape.
func TestPagesMakeMarkupOfStatesOnly(t *testing.T) {
	page, _ := pageOf(t, hostileHistory(), nil)
	var markup []string
	for line := range strings.Lines(page) {
		for _, way := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "createContextualFragment", "eval(", "new Function"} {
			if strings.Contains(line, way) {
				markup = append(markup, strings.TrimSpace(line))
			}
		}
	}
	require.Equal(t, []string{
		"scratch.innerHTML = ''", "scratch.innerHTML = ''", "tooltip.innerHTML =", "tooltip.innerHTML =", "tooltip.innerHTML = message",
	}, markup)
	_, message, found := strings.Cut(page, "let message = metadata\n")
	require.True(t, found)
	message, _, found = strings.Cut(message, "tooltip.innerHTML = message")
	require.True(t, found)
	for line := range strings.Lines(message) {
		for _, text := range []string{"Description", "Details", "Tag"} {
			require.NotContains(t, strings.ReplaceAll(line, "StateDescription", ""), text)
		}
	}
}

// A page that omits something says so, and only then.
func TestPagesSayWhatTheyLeaveOut(t *testing.T) {
	cuts := func(h history.History) (cuts []string) {
		_, data := pageOf(t, h, nil)
		for _, a := range data.Annotations {
			if strings.HasPrefix(a.Tag, "cut") {
				cuts = append(cuts, a.Description)
			}
		}
		return cuts
	}
	const many = 200
	long := func(n int) (h history.History) {
		for i := range n {
			h.Operations = append(h.Operations, history.Operation{
				ID: fmt.Sprint(i), Kind: history.KindWrite, Argument: fmt.Sprint(i), Call: int64(10 * i), Return: int64(10*i + 5), Outcome: history.Committed, Version: history.NoVersion,
			})
		}
		h.Model = history.ModelRegister
		h.Operations = append(h.Operations, history.Operation{
			ID: "r", Kind: history.KindRead, State: "other", Call: 10 * many, Return: 10*many + 5, Outcome: history.Committed, Version: history.NoVersion,
		})
		return h
	}
	require.Empty(t, cuts(long(20)))
	require.Equal(t, []string{"60 of 201 operations are shown"}, cuts(long(many)))
	unknown := long(0)
	for i := range many {
		unknown.Operations = append(unknown.Operations, history.Operation{
			ID: fmt.Sprint("u", i), Kind: history.KindWrite, Argument: fmt.Sprint(i), Call: int64(i), Return: history.NoReturn, Outcome: history.Unknown, Version: history.NoVersion,
		})
	}
	require.Contains(t, cuts(unknown), "the page may begin in more states than it shows")
}
