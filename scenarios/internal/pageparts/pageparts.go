// Package pageparts has the parts that the pages of the harness share: colors by their
// meaning, elements whose texts are data, and the choice of light or dark.
package pageparts

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed *.js *.css
var shared embed.FS

// Page is a page in its parts.
type Page struct{ Template, Style, Script string }

// Load reads the page in the folder "page" of the files of a package: its page.html as
// the template, and the others as Join has them, the script in strict mode.
func Load(files fs.FS) (p Page, err error) {
	folder, err := fs.Sub(files, "page")
	if err != nil {
		return p, err
	}
	template, err := fs.ReadFile(folder, "page.html")
	if err != nil {
		return p, err
	}
	style, script, err := Join(folder)
	return Page{string(template), style, "\"use strict\";\n" + script}, err
}

// Join joins the style sheets and the scripts of a page, in the order that its order.txt
// has. A file that the page lacks is one of the shared parts.
func Join(page fs.FS) (style, script string, err error) {
	order, err := fs.ReadFile(page, "order.txt")
	if err != nil {
		return "", "", err
	}
	var styles, scripts strings.Builder
	for _, name := range strings.Fields(string(order)) {
		text, err := fs.ReadFile(page, name)
		if err != nil {
			text, err = shared.ReadFile(name)
		}
		if err != nil {
			return "", "", fmt.Errorf("order.txt of the page: %w", err)
		}
		b := &scripts
		if path.Ext(name) == ".css" {
			b = &styles
		}
		b.Write(text)
	}
	return styles.String(), scripts.String(), nil
}
