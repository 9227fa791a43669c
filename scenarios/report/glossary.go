package report

import (
	"html"
	"regexp"
	"strings"

	"github.com/lockstep-dst/lockstep/docs"
)

// wordsOf returns the part of the glossary that explains words of a document's texts, as a
// list of HTML. The glossary's tables are the only source: rows of terms and their meaning.
func wordsOf(text string) string {
	used := wordSet(text)
	var b strings.Builder
	b.WriteString("<dl>")
	tables, _, _ := strings.Cut(docs.Glossary, "\n## Names that are kept\n")
	for line := range strings.Lines(tables) {
		cells := strings.Split(line, " | ")
		if len(cells) < 3 || !strings.HasPrefix(line, "| *") {
			continue
		}
		terms := strings.TrimPrefix(cells[0], "| ")
		for _, m := range emphasised.FindAllStringSubmatch(terms, -1) {
			if used.hasAll(m[1]) {
				b.WriteString("<dt>" + plain(terms) + "</dt><dd>" + plain(cells[1]) + "</dd>")
				break
			}
		}
	}
	return b.String() + "</dl>"
}

// wordsUsed are the words of a text, in lower case.
type wordsUsed map[string]bool

// wordSet looks at each byte once, since a document may be long.
func wordSet(text string) wordsUsed {
	used := wordsUsed{}
	begin := -1
	for i := 0; i <= len(text); i++ {
		if i < len(text) && (text[i]|0x20 >= 'a' && text[i]|0x20 <= 'z') {
			if begin < 0 {
				begin = i
			}
			continue
		}
		if begin >= 0 && !used[text[begin:i]] {
			used[text[begin:i]] = true
			used[strings.ToLower(text[begin:i])] = true
		}
		begin = -1
	}
	return used
}

// hasAll reports whether a text has all words of a term, be it in the plural.
func (used wordsUsed) hasAll(term string) bool {
	for word := range strings.FieldsSeq(strings.ToLower(strings.ReplaceAll(term, "-", " "))) {
		if !used[word] && !used[word+"s"] {
			return false
		}
	}
	return true
}

var (
	emphasised = regexp.MustCompile(`\*([^*]+)\*`)
	linked     = regexp.MustCompile(`\[([^]]+)\]\([^)]+\)`)
)

// plain is Markdown as HTML without its signs.
func plain(markdown string) string {
	return html.EscapeString(strings.NewReplacer("*", "", "`", "").Replace(linked.ReplaceAllString(markdown, "$1")))
}
