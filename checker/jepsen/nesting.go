package jepsen

// nesting follows the brackets and strings of EDN over several pieces of text,
// to find out whether a value goes on. The zero value is outside of any.
type nesting struct {
	depth     int // of brackets
	inString  bool
	inComment bool
	escaped   bool // the next byte belongs to a character or an escape
}

// add processes more text.
func (n *nesting) add(text []byte) {
	for _, c := range text {
		switch {
		case n.inComment:
			n.inComment = c != '\n'
		case n.escaped:
			n.escaped = false
		case c == '\\':
			n.escaped = true
		case n.inString:
			n.inString = c != '"'
		default:
			n.open(c)
		}
	}
}

func (n *nesting) open(c byte) {
	switch c {
	case '"':
		n.inString = true
	case ';':
		n.inComment = true
	case '{', '[', '(':
		n.depth++
	case '}', ']', ')':
		n.depth--
	}
}

// isOpen reports whether a value goes on.
func (n *nesting) isOpen() bool { return n.depth > 0 || n.inString }

// isClosed reports whether text ends outside of any value.
func isClosed(text []byte) bool {
	var n nesting
	n.add(text)
	return !n.isOpen()
}
