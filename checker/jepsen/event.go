package jepsen

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// event is an event of a history: the invocation or the response of an
// operation, an event of the nemesis, or one without meaning here.
type event struct {
	process  value
	client   int    // number of the process; valid if isClient
	isClient bool   // false: a nemesis
	typ      string // :invoke, :ok, :fail or :info; or one of idleTypes
	f        string // as in :read
	key      value  // :key of a map; the zero value if it has none
	value    value
	err      string // EDN, or free text; empty if none
	time     int64  // none if absent
	index    int64  // none if absent
}

// idleTypes are types of instructions to Jepsen's own threads.
var idleTypes = []string{":sleep", ":log"}

// isIdle reports whether e has no meaning for a history.
func (e *event) isIdle() bool { return slices.Contains(idleTypes, e.typ) }

const none = -1

var errUTF8 = errors.New("not UTF-8: save it as such")

// isLikeEvent reports whether a map has a key that every event has.
func (v value) isLikeEvent() bool {
	return slices.ContainsFunc([]string{":process", ":type", ":f"}, func(key string) bool {
		_, found := v.get(key)
		return found
	})
}

// isLikeJSON reports whether a map has the keys of an event of JSON.
func (v value) isLikeJSON() bool {
	_, hasType := v.get(`"type"`)
	_, hasProcess := v.get(`"process"`)
	return hasType && hasProcess
}

// parseEvent parses a map.
func parseEvent(v value) (event, error) {
	e := event{time: none, index: none}
	if v.kind != dict {
		return e, fmt.Errorf("%s: want a map, as in {:process 0, :type :invoke, :f :read, :value nil}", short(v))
	}
	if typ, _ := v.get(":type"); slices.Contains(idleTypes, typ.word) {
		e.typ = typ.word
		return e, nil
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
	if key, _ := v.get(":key"); !key.isNil() {
		e.key = key
	}
	var found bool
	if e.value, found = v.get(":value"); !found {
		e.value = nothing
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

// nothing is nil.
var nothing = value{word: "nil"}

// wholeNumber returns a whole number from a map, or none, as Jepsen's -1 is.
func wholeNumber(v value, key string) (int64, error) {
	f, found := v.get(key)
	if !found || f.isNil() || f.String() == "-1" {
		return none, nil
	}
	n, err := strconv.ParseInt(f.String(), 10, 64)
	if err != nil || n < 0 || n > history.MaxTime {
		return none, fmt.Errorf("%s: %s: want a whole number from 0 to 2^62; or -1 for none", key, short(f))
	}
	return n, nil
}

// classify checks the type and decides whether a client or a nemesis made the
// event.
func (e *event) classify() error {
	if !isType([]byte(e.typ)) {
		return fmt.Errorf(":type: %s is none of :invoke, :ok, :fail and :info", e.typ)
	}
	n, err := strconv.ParseInt(e.process.String(), 10, 64)
	switch {
	case err == nil && n >= 0 && n == int64(int(n)):
		e.client, e.isClient = int(n), true
	case !isKeyword(e.process):
		return fmt.Errorf(":process: %s: want a number from 0, or a keyword, as in :nemesis", short(e.process))
	case e.typ != ":info" && e.process.word != ":nemesis":
		return fmt.Errorf(":process: %s: want a number from 0: other processes, as :nemesis, have events of type :info", short(e.process))
	}
	return nil
}

func isKeyword(v value) bool { return v.kind == atom && len(v.word) > 1 && v.word[0] == ':' }

// parseLogLine finds an event in a line of a log. The line ends in process,
// type, function, value and maybe an error, after any other text. An error
// without an event is about a line that looks like one.
func (p *parser) parseLogLine(line []byte) (e event, found bool, err error) {
	process, typ, rest, found := splitLogLine(line)
	if !found {
		return e, false, checkLogText(line)
	}
	e = event{process: value{word: p.word(process)}, typ: p.word(typ), time: none, index: none}
	p.reset(rest)
	return e, true, e.parseRest(p)
}

// splitLogLine finds process and type in a line of a log, and the rest after
// them.
func splitLogLine(line []byte) (process, typ, rest []byte, found bool) {
	for at := 0; ; {
		word, end := nextWord(line, at)
		if len(word) == 0 {
			return nil, nil, nil, false
		}
		if isType(word) && isProcess(process) {
			return process, word, line[end:], true
		}
		process, at = word, end
	}
}

// checkLogText returns an error if a line without an event has a type and a
// function, as if it were one.
func checkLogText(line []byte) error {
	var before, word []byte
	for at := 0; ; {
		next, end := nextWord(line, at)
		if len(next) == 0 {
			return nil
		}
		switch typ := bytes.ToLower(word); {
		case !isType(typ) || next[0] != ':' || bytes.HasSuffix(before, []byte(":type")):
		case !isType(word):
			return fmt.Errorf("looks like an operation, but %s is no type: want %s", word, typ)
		default:
			return fmt.Errorf("looks like an operation, but %q is no process: want a number from 0, or a keyword, as in 0 %s %s nil", before, word, next)
		}
		before, word, at = word, next, end
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

// isProcess reports whether word is a number or a keyword, other than the key of
// a type in a map.
func isProcess(word []byte) bool {
	if len(word) > 1 && word[0] == ':' {
		return string(word) != ":type"
	}
	return len(word) > 0 && len(bytes.Trim(word, "0123456789")) == 0
}

// parseRest parses the text of a line after the type. An operation that did not
// succeed may end in free text, which is its error.
func (e *event) parseRest(p *parser) error {
	if !utf8.Valid(p.in) || !utf8.ValidString(e.process.String()) {
		return errUTF8
	}
	f, err := p.next()
	if err != nil {
		return fmt.Errorf("want a function and a value after %s: %w", e.typ, err)
	}
	e.f = f.String()
	if err := e.classify(); err != nil {
		return err
	}
	free := !e.isClient || e.typ == ":fail" || e.typ == ":info"
	start := p.at
	if e.value, err = p.next(); err != nil && (!free || p.blank(start)) {
		return fmt.Errorf("want a value after %s: %w", e.f, err)
	}
	if err != nil {
		e.value, p.at = nothing, start
	}
	if p.ended() {
		return nil
	}
	start = p.at
	failure, err := p.next()
	switch {
	case err == nil && p.ended():
		e.err = failure.String()
	case free:
		e.err = strings.TrimSpace(string(p.in[start:]))
	case err != nil:
		return fmt.Errorf("want an error or nothing after the value: %w", err)
	default:
		return fmt.Errorf("has %q after the error: remove it", bytes.TrimSpace(p.in[p.at:]))
	}
	return nil
}

// blank reports whether there is no value from an offset on.
func (p *parser) blank(from int) bool { return len(trimLeft(p.in[from:])) == 0 }

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
