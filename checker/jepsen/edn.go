package jepsen

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// kind is the kind of an EDN value.
type kind uint8

const (
	atom   kind = iota // nil, true, a number, keyword, symbol or character
	text               // a string
	vector             // or list: Clojure calls them equal
	dict               // a map
	set
)

// value is an EDN value. The zero value is no value.
type value struct {
	kind  kind
	tag   string  // as in #inst, without the #
	word  string  // canonical, of atoms and strings
	items []value // of collections; of a map: key, value, key, value
}

// Limits of one value: the nesting of collections, and the values within it. These take some
// hundred bytes each, far more than their text.
const (
	maxDepth = 64
	maxParts = 1 << 20
)

var errParts = fmt.Errorf("has more than %d values within it", maxParts)

// parser parses EDN (https://github.com/edn-format/edn), as far as histories
// need it: of an atom it only finds the end.
type parser struct {
	in    []byte
	at    int
	known map[string]string // words seen before
	stack []value           // items of the open collections
	parts int               // values within the present one
}

// reset makes p parse another text.
func (p *parser) reset(in []byte) { p.in, p.at, p.stack = in, 0, p.stack[:0] }

const (
	maxKnown    = 1 << 14 // words
	maxKnownLen = 64      // bytes
)

// word returns text as a string. Equal ones share memory, except long numbers,
// which rarely recur.
func (p *parser) word(text []byte) string {
	if len(text) > 3 && text[0] >= '0' && text[0] <= '9' {
		return string(text)
	}
	if known, found := p.known[string(text)]; found {
		return known
	}
	w := string(text)
	if len(p.known) < maxKnown && len(w) <= maxKnownLen {
		if p.known == nil {
			p.known = map[string]string{}
		}
		p.known[w] = w
	}
	return w
}

var (
	errTruncated = errors.New("ends within a value, so it was cut off")
	errDiscarded = errors.New("has a value that #_ discards, and no other")
)

// skip skips whitespace and comments.
func (p *parser) skip() {
	for p.at < len(p.in) {
		switch c := p.in[p.at]; {
		case isSpace(c):
			p.at++
		case c == ';':
			end := bytes.IndexByte(p.in[p.at:], '\n')
			if end < 0 {
				end = len(p.in) - p.at
			}
			p.at += end
		default:
			return
		}
	}
}

// ended skips them, too, and reports whether the text ends there.
func (p *parser) ended() bool {
	p.skip()
	return p.at == len(p.in)
}

// next returns the next value.
func (p *parser) next() (value, error) {
	p.parts = 0
	return p.value(0)
}

func (p *parser) value(depth int) (value, error) {
	for discarded := false; ; discarded = true {
		switch {
		case p.ended() && discarded && depth == 0:
			return value{}, errDiscarded
		case p.ended():
			return value{}, errTruncated
		}
		if depth > maxDepth {
			return value{}, fmt.Errorf("nests deeper than %d", maxDepth)
		}
		if p.parts++; p.parts > maxParts {
			return value{}, errParts
		}
		switch c := p.in[p.at]; c {
		case '"':
			return p.string()
		case '[':
			return p.items(vector, ']', depth)
		case '(':
			return p.items(vector, ')', depth)
		case '{':
			return p.items(dict, '}', depth)
		case ']', ')', '}':
			return value{}, fmt.Errorf("%q closes nothing", c)
		case '#':
			v, discarded, err := p.dispatch(depth)
			if discarded && err == nil {
				continue
			}
			return v, err
		default:
			return p.atom()
		}
	}
}

// dispatch parses a value that begins with #: a set, a tagged value, a symbolic
// value like ##Inf, or #_ with a discarded value.
func (p *parser) dispatch(depth int) (v value, discarded bool, err error) {
	p.at++
	if p.at == len(p.in) {
		return value{}, false, errTruncated
	}
	switch p.in[p.at] {
	case '{':
		v, err = p.items(set, '}', depth)
		return v, false, err
	case '_':
		p.at++
		_, err = p.value(depth + 1)
		return value{}, true, err
	case '#':
		p.at++
		v, err = p.atom()
		v.word = "##" + v.word
		return v, false, err
	}
	tag, err := p.atom()
	if err != nil {
		return value{}, false, err
	}
	v, err = p.value(depth + 1)
	if v.tag != "" {
		return value{}, false, fmt.Errorf("two tags, #%s and #%s", tag.word, v.tag)
	}
	v.tag = tag.word
	return v, false, err
}

func (p *parser) items(k kind, end byte, depth int) (value, error) {
	p.at++
	first := len(p.stack)
	for {
		if p.ended() {
			return value{}, errTruncated
		}
		if p.in[p.at] == end {
			p.at++
			break
		}
		if bytes.HasPrefix(p.in[p.at:], []byte("#_")) {
			if _, _, err := p.dispatch(depth); err != nil {
				return value{}, err
			}
			continue
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		p.stack = append(p.stack, item)
	}
	v := value{kind: k, items: slices.Clone(p.stack[first:])}
	p.stack = p.stack[:first]
	switch {
	case k == dict && len(v.items)%2 != 0:
		return value{}, errors.New("a map has a key without a value")
	case k == dict || k == set:
		return v, v.checkUnique()
	}
	return v, nil
}

func (p *parser) atom() (value, error) {
	start := p.at
	if start == len(p.in) {
		return value{}, errTruncated
	}
	if p.in[p.at] == '\\' { // a character, which may be a bracket
		_, size := utf8.DecodeRune(p.in[p.at+1:])
		p.at += 1 + size
	}
	for p.at < len(p.in) && !isSpace(p.in[p.at]) && strings.IndexByte(`()[]{}";`, p.in[p.at]) < 0 {
		p.at++
	}
	if p.at == start {
		return value{}, fmt.Errorf("unexpected %q", p.in[start])
	}
	if p.in[start] == '\\' {
		return value{word: character(p.word(p.in[start:p.at]))}, nil
	}
	return value{word: number(p.word(p.in[start:p.at]))}, nil
}

// character returns a character in the shortest form: some have names, and each a number.
func character(word string) string {
	if at := slices.Index(characterNames, word); at >= 0 {
		return `\` + string("\n\t\r\f\b "[at])
	}
	if r, isUnit := unit(word); isUnit && len(word) == 6 && !utf16.IsSurrogate(r) {
		return `\` + string(r)
	}
	return word
}

var characterNames = []string{`\newline`, `\tab`, `\return`, `\formfeed`, `\backspace`, `\space`}

// string parses a string and keeps its quotes.
func (p *parser) string() (value, error) {
	start := p.at
	escaped := false
	for p.at++; p.at < len(p.in); p.at++ {
		switch p.in[p.at] {
		case '\\':
			escaped = true
			p.at++
		case '"':
			p.at++
			word := p.word(p.in[start:p.at])
			if escaped {
				var err error
				if word, err = canonical(word[1 : len(word)-1]); err != nil {
					return value{}, err
				}
			}
			return value{kind: text, word: word}, nil
		}
	}
	return value{}, errTruncated
}

// canonical returns the string with these contents, with as few escapes as
// possible.
func canonical(inside string) (string, error) {
	b := []byte{'"'}
	for i := 0; i < len(inside); i++ {
		if inside[i] != '\\' {
			b = append(b, inside[i])
			continue
		}
		r, size := escaped(inside[i:])
		if size == 0 {
			return "", fmt.Errorf("a string has an unknown escape at %q", inside[i:min(len(inside), i+6)])
		}
		if r == '"' || r == '\\' {
			b = append(b, '\\')
		}
		b = utf8.AppendRune(b, r)
		i += size - 1
	}
	return string(append(b, '"')), nil
}

// escaped returns the character of the escape at the beginning of s and the
// escape's size; size 0 if it is invalid.
func escaped(s string) (r rune, size int) {
	const letters, meanings = `trnbf\"`, "\t\r\n\b\f\\\""
	if at := strings.IndexByte(letters, s[1]); at >= 0 {
		return rune(meanings[at]), 2
	}
	r, ok := unit(s)
	if ok && utf16.IsSurrogate(r) {
		low, ok := unit(s[6:])
		r = utf16.DecodeRune(r, low)
		if !ok || r == utf8.RuneError {
			return 0, 0
		}
		return r, 12
	}
	if !ok {
		return 0, 0
	}
	return r, 6
}

// unit returns the UTF-16 code unit of \uXXXX at the beginning of s.
func unit(s string) (rune, bool) {
	if len(s) < 6 || s[:2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}

func isSpace(c byte) bool { return c == ' ' || c == ',' || c >= '\t' && c <= '\r' }

// checkUnique returns an error if a key of a map, or an element of a set, is
// there twice.
func (v value) checkUnique() error {
	step := 1
	if v.kind == dict {
		step = 2
	}
	const few = 16
	var seen map[string]bool
	if len(v.items) > few*step {
		seen = make(map[string]bool, len(v.items)/step)
	}
	for i := 0; i < len(v.items); i += step {
		text := v.items[i].String()
		twice := seen[text]
		for j := 0; seen == nil && j < i; j += step {
			twice = twice || v.items[j].String() == text
		}
		if twice {
			return fmt.Errorf("%s is there twice: remove one", short(v.items[i]))
		}
		if seen != nil {
			seen[text] = true
		}
	}
	return nil
}

// String returns v in canonical form: equal values have equal strings. Floating
// point counts by its decimal digits.
func (v value) String() string {
	if v.tag == "" && v.items == nil && v.kind <= text {
		return v.word
	}
	var b strings.Builder
	v.write(&b)
	return b.String()
}

func (v value) write(b *strings.Builder) {
	if v.tag != "" {
		b.WriteString("#" + v.tag + " ")
	}
	switch v.kind {
	case vector:
		join(b, "[", "]", v.words(1))
	case dict:
		join(b, "{", "}", sorted(v.words(2)))
	case set:
		join(b, "#{", "}", sorted(v.words(1)))
	default:
		b.WriteString(v.word)
	}
}

// words returns the items as strings, n items in each.
func (v value) words(n int) (words []string) {
	for group := range slices.Chunk(v.items, n) {
		word := group[0].String()
		for _, item := range group[1:] {
			word += " " + item.String()
		}
		words = append(words, word)
	}
	return words
}

func sorted(words []string) []string {
	slices.Sort(words)
	return words
}

func join(b *strings.Builder, begin, end string, words []string) {
	b.WriteString(begin)
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	b.WriteString(end)
}

// get returns the value of a key of a map; other values have none.
func (v value) get(key string) (value, bool) {
	if v.kind != dict {
		return value{}, false
	}
	for i := 0; i < len(v.items); i += 2 {
		if v.items[i].word == key {
			return v.items[i+1], true
		}
	}
	return value{}, false
}

// isNil reports whether v is nil.
func (v value) isNil() bool { return v.kind == atom && v.tag == "" && v.word == "nil" }

// plain returns v without the colon of a keyword or the quotes of a string.
func (v value) plain() string {
	switch {
	case v.kind == atom:
		return strings.TrimPrefix(v.String(), ":")
	case v.kind == text && v.tag == "":
		return v.word[1 : len(v.word)-1]
	}
	return v.String()
}
