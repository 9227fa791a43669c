package report

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios/internal/pageparts"
)

//go:embed page
var pageFiles embed.FS

// The places of a page's template.
const (
	stylePlace      = "{{style}}"
	scriptPlace     = "{{script}}"
	styleHashPlace  = "{{style hash}}"
	scriptHashPlace = "{{script hash}}"
	documentPlace   = "{{document}}"
	glossaryPlace   = "{{glossary}}"
)

// WriteHTML writes d as a page that needs nothing else: it opens from a file and asks no
// network.
//
// The document is JSON in which <, >, &, U+2028 and U+2029 are escaped, so no name in it
// can end the element that holds it. The files of the page are this package's own, and its
// policy allows the browser their style and their script, by hashes, and no others.
func WriteHTML(w io.Writer, d *Document) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	page, err := pageparts.Load(pageFiles)
	if err != nil {
		return err
	}
	_, err = strings.NewReplacer(
		stylePlace, page.Style, styleHashPlace, sourceHash(page.Style), scriptPlace, page.Script, scriptHashPlace, sourceHash(page.Script), documentPlace, string(data), glossaryPlace, wordsOf(string(data)),
	).WriteString(w, page.Template)
	return err
}

// sourceHash names a text in a content security policy.
func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// WriteJSON writes d as one JSON value in one line.
func WriteJSON(w io.Writer, d *Document) error { return json.NewEncoder(w).Encode(d) }
