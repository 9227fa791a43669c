package jepsen

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// event is a line of a history: the invocation or the response of an operation,
// or an event of the nemesis.
type event struct {
	process  value
	client   int    // number of the process; valid if isClient
	isClient bool   // false: a nemesis
	typ      string // :invoke, :ok, :fail or :info
	f        string // as in :read
	value    value
	err      string // EDN; empty if none
	time     int64  // none if absent
	index    int64  // none if absent
}

const none = -1

var errUTF8 = errors.New("not UTF-8: save it as such")

// parseEvent parses a map.
func parseEvent(v value) (event, error) {
	e := event{time: none, index: none}
	if v.kind != dict {
		return e, fmt.Errorf("%s: want a map, as in {:process 0, :type :invoke, :f :read, :value nil}", short(v))
	}
	var missing string
	field := func(name string) value {
		f, found := v.get(name)
		if !found && missing == "" {
			missing = name
		}
		return f
	}
	e.process, e.typ, e.f = field(":process"), field(":type").String(), field(":f").String()
	if missing != "" {
		return e, fmt.Errorf("%s: missing: add it", missing)
	}
	var found bool
	if e.value, found = v.get(":value"); !found {
		e.value = value{word: "nil"}
	}
	if err, found := v.get(":error"); found && !err.isNil() {
		e.err = err.String()
	}
	var err error
	if e.time, err = wholeNumber(v, ":time"); err != nil {
		return e, err
	}
	if e.index, err = wholeNumber(v, ":index"); err != nil {
		return e, err
	}
	return e, e.classify()
}

// wholeNumber returns a whole number from a map, or none.
func wholeNumber(v value, key string) (int64, error) {
	f, found := v.get(key)
	if !found || f.isNil() {
		return none, nil
	}
	n, err := strconv.ParseInt(f.String(), 10, 64)
	if err != nil || n < 0 {
		return none, fmt.Errorf("%s: %s: want a whole number, not negative", key, short(f))
	}
	return n, nil
}

// classify checks the type and decides whether a client or a nemesis made the
// event.
func (e *event) classify() error {
	switch e.typ {
	case ":invoke", ":ok", ":fail", ":info":
	default:
		return fmt.Errorf(":type: %s is none of :invoke, :ok, :fail and :info", e.typ)
	}
	n, err := strconv.ParseInt(e.process.String(), 10, 64)
	switch {
	case err == nil && n >= 0 && n == int64(int(n)):
		e.client, e.isClient = int(n), true
	case !isKeyword(e.process):
		return fmt.Errorf(":process: %s: want a number from 0, or a keyword, as in :nemesis", short(e.process))
	}
	return nil
}

func isKeyword(v value) bool { return v.kind == atom && len(v.word) > 1 && v.word[0] == ':' }

// parseLogLine finds an event in a line of a log. The line ends in process,
// type, function, value and maybe an error, after any other text.
func (p *parser) parseLogLine(line []byte) (e event, found bool, err error) {
	var process []byte
	for at := 0; ; {
		word, end := nextWord(line, at)
		if len(word) == 0 {
			return e, false, nil
		}
		if isType(word) && isProcess(process) {
			e := event{process: value{word: p.word(process)}, typ: p.word(word), time: none, index: none}
			p.reset(line[end:])
			return e, true, e.parseRest(p)
		}
		process, at = word, end
	}
}

// nextWord returns the next word of line from at on, and the offset of its end.
func nextWord(line []byte, at int) (word []byte, end int) {
	for at < len(line) && isSpace(line[at]) {
		at++
	}
	end = at
	for end < len(line) && !isSpace(line[end]) {
		end++
	}
	return line[at:end], end
}

func isType(word []byte) bool {
	switch string(word) {
	case ":invoke", ":ok", ":fail", ":info":
		return true
	}
	return false
}

// isProcess reports whether word is a number or a keyword.
func isProcess(word []byte) bool {
	return len(word) > 1 && word[0] == ':' || len(word) > 0 && len(bytes.Trim(word, "0123456789")) == 0
}

func (e *event) parseRest(p *parser) error {
	if !utf8.Valid(p.in) {
		return errUTF8
	}
	f, err := p.next()
	if err != nil {
		return fmt.Errorf("want a function and a value after %s: %w", e.typ, err)
	}
	e.f = f.String()
	if e.value, err = p.next(); err != nil {
		return fmt.Errorf("want a value after %s: %w", e.f, err)
	}
	if !p.ended() {
		failure, err := p.next()
		if err != nil {
			return fmt.Errorf("want an error or nothing after the value: %w", err)
		}
		e.err = failure.String()
	}
	if !p.ended() {
		return fmt.Errorf("has %q after the error: remove it", p.in[p.at:])
	}
	return e.classify()
}

// short returns v, cut if it is long, for an error.
func short(v value) string {
	s := v.String()
	if s == "" {
		return "nothing"
	}
	if len(s) > 60 {
		cut := 57
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "..."
	}
	return s
}
