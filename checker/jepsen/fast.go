package jepsen

import "bytes"

// syntax is the form in which a file has its events.
type syntax struct {
	json bool
}

// The two forms: maps of EDN, and objects of JSON.
var (
	ednSyntax  = syntax{}
	jsonSyntax = syntax{json: true}
)

// eventKey is a bit for each key of an event.
type eventKey uint8

const (
	keyType eventKey = 1 << iota
	keyFunction
	keyProcess
	keyValue
	keyTime
	keyIndex
)

const keysRequired = keyType | keyFunction | keyProcess

// fastParser parses the events that clients usually have: in ASCII, the keys of
// eventKey once each, and a value that is nil, a word, a string without escapes, or
// a vector of these. It leaves all others to parseEvent, which accepts the same and
// more, and gives the reason for each that it refuses.
type fastParser struct {
	syntax
	words    *parser // has the words seen before
	keywords map[string]string
	in       []byte
	at       int
	parts    int // values within the present one
}

// event parses the text of one event, and nothing else. If it reports false the
// contents of e are undefined.
func (p *fastParser) event(text []byte, e *event) bool {
	if !p.prefix(text, e) {
		return false
	}
	p.space()
	return p.at == len(text)
}

// prefix parses the event with which text begins; p.at is then its end.
func (p *fastParser) prefix(text []byte, e *event) bool {
	*e = event{value: nothing, time: none, index: none}
	p.in, p.at, p.parts = text, 0, 0
	if !p.open() {
		return false
	}
	seen := eventKey(0)
	for first := true; !p.take('}'); first = false {
		if !first && !p.separated() {
			return false
		}
		key, ok := p.key()
		if !ok {
			return false
		}
		k, ok := p.field(key, e)
		if !ok || seen&k != 0 {
			return false
		}
		seen |= k
	}
	return seen&keysRequired == keysRequired && isASCII(text[:p.at])
}

// open skips the brace with which an event begins, and the tag of a record.
func (p *fastParser) open() bool {
	p.space()
	if !p.json && p.at+1 < len(p.in) && p.in[p.at] == '#' && isLetter(p.in[p.at+1]) {
		p.at++
		p.word()
	}
	return p.take('{')
}

func isLetter(b byte) bool { return b|' ' >= 'a' && b|' ' <= 'z' }

// space skips spaces; commas are spaces of EDN.
func (p *fastParser) space() {
	for p.at < len(p.in) && isSpace(p.in[p.at]) && !(p.json && (p.in[p.at] == ',' || p.in[p.at] == '\v' || p.in[p.at] == '\f')) {
		p.at++
	}
}

// separated skips the comma that JSON has between two values.
func (p *fastParser) separated() bool { return !p.json || p.take(',') }

// take skips spaces, and b if it comes next. It reports whether it did.
func (p *fastParser) take(b byte) bool {
	p.space()
	if p.at < len(p.in) && p.in[p.at] == b {
		p.at++
		return true
	}
	return false
}

// key reads a key, without its colon or quotes.
func (p *fastParser) key() (key []byte, ok bool) {
	if !p.json {
		word := p.word()
		if len(word) < 2 || word[0] != ':' {
			return nil, false
		}
		return word[1:], true
	}
	if key, ok = p.quoted(); !ok || !p.take(':') {
		return nil, false
	}
	return key[1 : len(key)-1], true
}

// word reads a word: a number, keyword or symbol. It is empty if there is none.
func (p *fastParser) word() []byte {
	p.space()
	start := p.at
	for p.at < len(p.in) && !endsWord[p.in[p.at]] {
		p.at++
	}
	return p.in[start:p.at]
}

// endsWord has the bytes that are not in words, or only in those that are left to
// the parser of all.
var endsWord = func() (ends [256]bool) {
	for b := range ends {
		ends[b] = b <= ' ' || bytes.IndexByte([]byte(`,()[]{}";\#`), byte(b)) >= 0
	}
	return ends
}()

// quoted reads a string without escapes and control characters, with its quotes.
func (p *fastParser) quoted() (text []byte, ok bool) {
	if !p.take('"') {
		return nil, false
	}
	start := p.at - 1
	for ; p.at < len(p.in) && p.in[p.at] >= ' ' && p.in[p.at] != '\\'; p.at++ {
		if p.in[p.at] == '"' {
			p.at++
			return p.in[start:p.at], true
		}
	}
	return nil, false
}

// field reads the value of a key.
func (p *fastParser) field(key []byte, e *event) (k eventKey, ok bool) {
	switch string(key) {
	case "type":
		e.typ, ok = p.keyword()
		return keyType, ok && isType([]byte(e.typ))
	case "f":
		e.f, ok = p.keyword()
		return keyFunction, ok
	case "process":
		var n int64
		n, ok = p.number()
		e.client, e.isClient = int(n), true
		return keyProcess, ok && n == int64(e.client)
	case "value":
		e.value, ok = p.value(0)
		return keyValue, ok
	case "time":
		e.time, ok = p.number()
		return keyTime, ok
	case "index":
		e.index, ok = p.number()
		return keyIndex, ok
	}
	return 0, false
}

// keyword reads a keyword; of JSON, a string that stands for one.
func (p *fastParser) keyword() (word string, ok bool) {
	if !p.json {
		text := p.word()
		return p.words.word(text), len(text) > 1 && text[0] == ':'
	}
	text, ok := p.quoted()
	if !ok || len(text) < 3 || text[1] == ':' {
		return "", false
	}
	word, known := p.keywords[string(text)]
	if !known {
		word = ":" + string(text[1:len(text)-1])
		if p.keywords == nil {
			p.keywords = map[string]string{}
		}
		if len(p.keywords) < maxKnown {
			p.keywords[string(text)] = word
		}
	}
	return word, true
}

// number reads a whole number of up to 18 digits, which fits into an int64.
func (p *fastParser) number() (n int64, ok bool) {
	word := p.word()
	if len(word) == 0 || len(word) > 18 || word[0] == '0' && len(word) > 1 {
		return 0, false
	}
	for _, digit := range word {
		if !isDigit(digit) {
			return 0, false
		}
		n = 10*n + int64(digit-'0')
	}
	return n, true
}

// maxFastDepth is that of the vectors in transactions.
const maxFastDepth = 3

func (p *fastParser) value(depth int) (value, bool) {
	p.space()
	if p.at == len(p.in) {
		return value{}, false
	}
	switch c := p.in[p.at]; {
	case c == '"':
		quoted, ok := p.quoted()
		return value{kind: text, word: p.words.word(quoted)}, ok
	case c == '[' && depth < maxFastDepth:
		p.at++
		return p.vector(depth)
	}
	word := p.word()
	switch {
	case len(word) == 0 || p.json && !isJSONWord(word):
		return value{}, false
	case p.json && word[0] == 'n':
		return nothing, true
	}
	return value{word: number(p.words.word(word))}, true
}

func (p *fastParser) vector(depth int) (value, bool) {
	v := value{kind: vector, items: make([]value, 0, 3)}
	for first := true; !p.take(']'); first = false {
		if !first && !p.separated() {
			return value{}, false
		}
		item, ok := p.value(depth + 1)
		if p.parts++; !ok || p.parts > maxParts/2 {
			return value{}, false
		}
		v.items = append(v.items, item)
	}
	return v, true
}

// isJSONWord reports whether word is null, true, false or a whole number of JSON.
func isJSONWord(word []byte) bool {
	switch string(word) {
	case "null", "true", "false", "0":
		return true
	}
	digits := bytes.TrimPrefix(word, []byte("-"))
	return len(digits) > 0 && digits[0] != '0' && len(bytes.Trim(digits, "0123456789")) == 0
}

func isASCII(text []byte) bool {
	high := byte(0)
	for _, b := range text {
		high |= b
	}
	return high < 0x80
}
