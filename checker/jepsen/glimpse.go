package jepsen

import "bytes"

// glimpse is a look at text that is not understood, for the keys that an event has, in EDN
// or in JSON: a line that may be an operation must not be skipped in silence.
type glimpse struct {
	typed   bool // it has a type of an event
	client  bool // it has a number as its process
	nemesis bool // it has another process
}

// isOperation reports whether it must be an operation of a client.
func (g *glimpse) isOperation() bool { return g.typed && g.client }

// isDamaged reports whether a map that cannot be parsed may be an operation.
func (g *glimpse) isDamaged() bool { return g.client || g.typed && !g.nemesis }

// hasOperation reports whether one of the maps in text, none of those within others, is an
// operation, or the text itself is one that has lost its brace.
func hasOperation(text []byte) bool {
	if g, _ := glimpseAt(text, nesting{depth: 1}); g.isOperation() {
		return true
	}
	for {
		begin := bytes.IndexByte(text, '{')
		if begin < 0 {
			return false
		}
		var g glimpse
		if g, text = glimpseAt(text[begin:], nesting{}); g.isOperation() {
			return true
		}
	}
}

// findOperation looks for an operation in text, and for one in each of its lines if it was cut
// within a map: then there is no telling what belongs to that. It returns its offset.
func findOperation(text []byte, cut bool) (offset int, found bool) {
	if hasOperation(text) {
		return 0, true
	}
	for line := range bytes.Lines(text) {
		if cut && hasOperation(line) {
			return offset, true
		}
		offset += len(line)
	}
	return 0, false
}

// isDamagedEvent reports whether text that cannot be parsed begins with a map that may be an
// operation.
func isDamagedEvent(text []byte) bool {
	begin := bytes.IndexByte(text, '{')
	if begin < 0 {
		return false
	}
	g, _ := glimpseAt(text[begin:], nesting{})
	return g.isDamaged()
}

// glimpseAt looks at the keys of a map, but not into its values, and returns the text after
// it. It begins in n: before the brace of the map, or within it.
func glimpseAt(text []byte, n nesting) (g glimpse, rest []byte) {
	for i := range text {
		if n.depth == 1 && !n.inString && !n.escaped && !n.inComment {
			g.note(text[i:])
		}
		if n.add(text[i : i+1]); n.depth <= 0 {
			return g, text[i+1:]
		}
	}
	return g, nil
}

// note notes the key that text begins with, if it is one of an event.
func (g *glimpse) note(text []byte) {
	if text[0] != ':' && text[0] != '"' {
		return
	}
	if v, found := afterKey(text, "type"); found {
		word, _ := nextWord(v, 0)
		word = bytes.Trim(word, `:"{}[]()`)
		g.typed = g.typed || isType(append([]byte(":"), word...))
	}
	if v, found := afterKey(text, "process"); found {
		v = bytes.TrimLeft(v, `"`)
		number := len(v) > 0 && isDigit(v[0])
		g.client, g.nemesis = g.client || number, g.nemesis || !number
	}
}

// afterKey returns the text after a key that text begins with, and after the space or the
// colon behind it.
func afterKey(text []byte, key string) (rest []byte, found bool) {
	quote := text[0] == '"'
	rest, found = bytes.CutPrefix(text[1:], []byte(key))
	if !found || len(rest) == 0 || quote != (rest[0] == '"') || !quote && !isSpace(rest[0]) {
		return nil, false
	}
	if !quote {
		return trimLeft(rest), true
	}
	return bytes.TrimLeft(rest[1:], " \t:"), true
}
