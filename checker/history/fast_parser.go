package history

import (
	"strings"
	"unicode/utf8"
)

// scanner is the fast parser of operations. It accepts the lines that recorders
// usually write, and leaves all others to parseOperation. That accepts the same
// lines and more, and reports the reason for each line that it refuses.
type scanner struct {
	required fieldSet
	names    interner // machines, kinds, outcomes and reasons
	values   interner // arguments, expected values and states
	ids      arena
}

// fieldSet has a bit for each field of an operation.
type fieldSet uint16

const (
	hasClient fieldSet = 1 << iota
	hasID
	hasMachine
	hasKind
	hasArgument
	hasExpected
	hasCall
	hasReturn
	hasOutcome
	hasReason
	hasState
	hasVersion
	notInVersion1 // required of version 1: set if "expected" is absent
)

// requiredOf returns the fields required in a version of the format, where
// operations may have to name their machine.
func requiredOf(version int64, named bool) fieldSet {
	s := hasClient | hasID | hasKind | hasCall | hasOutcome
	if named {
		s |= hasMachine
	}
	if version == 1 {
		s |= notInVersion1
	}
	return s
}

// parse parses text into op, which holds the defaults. If it reports false the
// contents of op are undefined.
func (s *scanner) parse(text []byte, op *Operation) bool {
	c := cursor{text: text}
	if !c.take('{') {
		return false
	}
	seen := fieldSet(0)
	for {
		name, ok := c.string()
		if !ok || !c.take(':') {
			return false
		}
		field, ok := s.field(name, &c, op)
		if !ok || seen&field != 0 {
			return false
		}
		seen |= field
		if c.take(',') {
			continue
		}
		break
	}
	if s.required&notInVersion1 != 0 && seen&hasExpected == 0 {
		seen |= notInVersion1
	}
	return c.take('}') && c.rest() == 0 && seen&s.required == s.required && (c.ascii() || utf8.Valid(text))
}

// field parses the value of one field.
func (s *scanner) field(name []byte, c *cursor, op *Operation) (field fieldSet, ok bool) {
	switch string(name) {
	case "client":
		var client int64
		client, ok = c.number()
		op.Client = int(client)
		return hasClient, ok && client == int64(op.Client)
	case "id":
		op.ID, ok = c.arena(&s.ids)
		return hasID, ok
	case "machine":
		op.Machine, ok = c.intern(&s.names)
		return hasMachine, ok
	case "kind":
		var kind string
		kind, ok = c.intern(&s.names)
		op.Kind = Kind(kind)
		return hasKind, ok
	case "argument":
		op.Argument, ok = c.intern(&s.values)
		return hasArgument, ok
	case "expected":
		op.Expected, ok = c.intern(&s.values)
		return hasExpected, ok
	case "call":
		op.Call, ok = c.number()
		return hasCall, ok
	case "return":
		op.Return, ok = c.number()
		return hasReturn, ok
	case "outcome":
		var outcome string
		outcome, ok = c.intern(&s.names)
		op.Outcome = Outcome(outcome)
		return hasOutcome, ok
	case "reason":
		op.Reason, ok = c.intern(&s.names)
		return hasReason, ok
	case "state":
		op.State, ok = c.intern(&s.values)
		return hasState, ok
	case "version":
		op.Version, ok = c.number()
		return hasVersion, ok
	}
	return 0, false
}

// cursor is a position in a line of JSON.
type cursor struct {
	text []byte
	at   int
	high byte // all bytes of strings, ORed
}

// take skips spaces, and b if it comes next. It reports whether it did.
func (c *cursor) take(b byte) bool {
	c.space()
	if c.at < len(c.text) && c.text[c.at] == b {
		c.at++
		return true
	}
	return false
}

func (c *cursor) space() {
	for c.at < len(c.text) && (c.text[c.at] == ' ' || c.text[c.at] == '\t') {
		c.at++
	}
}

// rest skips spaces and returns the number of bytes left.
func (c *cursor) rest() int {
	c.space()
	return len(c.text) - c.at
}

// string reads a string without escapes.
func (c *cursor) string() ([]byte, bool) {
	if !c.take('"') {
		return nil, false
	}
	start, text := c.at, c.text
	for i := start; i < len(text); i++ {
		b := text[i]
		if b == '"' {
			c.at = i + 1
			return text[start:i], true
		}
		if b == '\\' || b < ' ' {
			return nil, false
		}
		c.high |= b
	}
	return nil, false
}

func (c *cursor) intern(in *interner) (string, bool) {
	text, ok := c.string()
	return in.of(text), ok
}

func (c *cursor) arena(a *arena) (string, bool) {
	text, ok := c.string()
	return a.of(text), ok
}

func (c *cursor) ascii() bool { return c.high < utf8.RuneSelf }

// number reads a whole number of up to 18 digits, which fits into an int64.
func (c *cursor) number() (n int64, ok bool) {
	c.space()
	start := c.at
	for c.at < len(c.text) && c.text[c.at] >= '0' && c.text[c.at] <= '9' && c.at-start < 19 {
		n = 10*n + int64(c.text[c.at]-'0')
		c.at++
	}
	digits := c.at - start
	return n, digits == 1 || digits > 1 && digits <= 18 && c.text[start] != '0'
}

// interner gives equal strings the same memory, within limits on their number
// and length.
type interner struct {
	known map[string]string
	rest  arena
}

const (
	maxInterned    = 1 << 14 // strings
	maxInternedLen = 64      // bytes
)

func (in *interner) of(text []byte) string {
	if s, found := in.known[string(text)]; found {
		return s
	}
	s := in.rest.of(text)
	if len(in.known) < maxInterned && len(s) <= maxInternedLen {
		if in.known == nil {
			in.known = map[string]string{}
		}
		in.known[s] = s
	}
	return s
}

// arena makes strings that share memory. A strings.Builder does not move its
// contents while its capacity suffices.
type arena struct{ block *strings.Builder }

const arenaBlock = 16 << 10 // bytes

func (a *arena) of(text []byte) string {
	if a.block == nil || a.block.Cap()-a.block.Len() < len(text) {
		a.block = &strings.Builder{}
		a.block.Grow(max(arenaBlock, len(text)))
	}
	start := a.block.Len()
	a.block.Write(text)
	return a.block.String()[start:]
}
