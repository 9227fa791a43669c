// Package jsonobject provides a reader of JSON objects for formats that are strict:
// encoding/json takes a field in other letters for the one that is meant, and the last
// of fields that are repeated.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package jsonobject

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// CheckLine returns an error, with the remedy, unless a line of a file is one JSON
// object in UTF-8.
func CheckLine(line []byte) error {
	if !utf8.Valid(line) {
		return errors.New("not UTF-8: save it as such")
	}
	valid := json.Valid(line)
	if valid && HasLoneSurrogate(line) {
		return ErrLoneSurrogate
	}
	if valid && Is(line) {
		return nil
	}
	var first json.RawMessage
	if !valid && json.NewDecoder(bytes.NewReader(line)).Decode(&first) == nil && Is(first) {
		return errors.New("has text after the object: give each its own line")
	}
	err := json.Unmarshal(line, &first)
	if valid {
		err = errors.New("want an object, in braces")
	}
	return fmt.Errorf("not a JSON object, so the line is damaged or cut off: delete it, or correct it: %w", err)
}

// ErrLoneSurrogate means that HasLoneSurrogate is true.
var ErrLoneSurrogate = errors.New(`has half of a character, one of \ud800 to \udfff without its other half: write the whole character`)

// HasLoneSurrogate reports whether a string in valid JSON has half of a character of
// UTF-16. To encoding/json all of these are one character, so texts that differ would be
// equal.
func HasLoneSurrogate(text []byte) bool {
	for i := bytes.IndexByte(text, '\\'); i >= 0 && i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		unit, found := escapedUnit(text[i:])
		if i++; !found || !utf16.IsSurrogate(unit) {
			continue
		}
		low, _ := escapedUnit(text[i+5:])
		if utf16.DecodeRune(unit, low) == utf8.RuneError {
			return true
		}
		i += 6 + 4
	}
	return false
}

// escapedUnit returns the unit of UTF-16 that text begins with, as in \ud800.
func escapedUnit(text []byte) (unit rune, found bool) {
	if len(text) < 6 || string(text[:2]) != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil
}

// Is reports whether valid JSON is an object.
func Is(text []byte) bool { return skip(text)[0] == '{' }

// Each calls take with the fields of an object, which must be valid, in order. The
// values are parts of the object, without space around them. The first error of take
// ends it.
func Each(object []byte, take func(name string, value []byte) error) error {
	rest := skip(skip(object)[1:])
	for rest[0] != '}' {
		n := length(rest)
		name := Text(rest[:n])
		rest = skip(rest[n:])
		n = length(rest)
		if err := take(name, rest[:n]); err != nil {
			return err
		}
		rest = skip(rest[n:])
	}
	return nil
}

// Text returns the text of a valid JSON string.
func Text(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var text string
	_ = json.Unmarshal(quoted, &text) // it is valid
	return text
}

// skip skips space and separators between the tokens of an object.
func skip(text []byte) []byte {
	for text[0] <= ' ' || text[0] == ',' || text[0] == ':' {
		text = text[1:]
	}
	return text
}

// length returns the length of the value at the beginning of text.
func length(text []byte) int {
	switch text[0] {
	case '"':
		return stringLength(text)
	case '{', '[':
		return listLength(text)
	}
	for i, c := range text {
		if c <= ' ' || c == ',' || c == '}' {
			return i
		}
	}
	return len(text)
}

func stringLength(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// listLength returns the length of an object or a list.
func listLength(text []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch text[i] {
		case '"':
			i += stringLength(text[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}
