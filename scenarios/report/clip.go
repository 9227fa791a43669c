package report

import (
	"fmt"
	"unicode/utf8"
)

// maxTextBytes bounds each text of a document: messages and states may be large.
const maxTextBytes = 4000

// clipper cuts texts, and knows whether it did.
type clipper struct{ clipped bool }

// clip is a text of at most maxTextBytes, cut between two characters.
func (c *clipper) clip(text string) string {
	if len(text) <= maxTextBytes {
		return text
	}
	c.clipped = true
	end := maxTextBytes
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s … and %d bytes more", text[:end], len(text)-end)
}

// cuts tells whether texts were cut.
func (c *clipper) cuts() (list []string) {
	if c.clipped {
		list = append(list, fmt.Sprintf("Texts of more than %d bytes are cut", maxTextBytes))
	}
	return list
}
