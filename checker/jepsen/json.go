package jepsen

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/checker/jsonobject"
)

// Jepsen's events are JSON too, for programs in other languages: objects with
// the keys of the maps, without the colons. Type, function and a process that is no
// number are texts in place of keywords. Values become those of EDN: an array a vector, null nil.

// isJSON reports whether in begins with an object of JSON, or with an array of
// these.
func isJSON(in *bufio.Reader) bool {
	start, _ := in.Peek(4096)
	rest := bytes.TrimSpace(start)
	if inside, array := bytes.CutPrefix(rest, []byte("[")); array {
		rest = bytes.TrimSpace(inside)
	}
	inside, object := bytes.CutPrefix(rest, []byte("{"))
	return object && bytes.HasPrefix(bytes.TrimSpace(inside), []byte(`"`))
}

func (b *builder) readJSON(in io.Reader) error {
	w := &window{in: in}
	array := w.skipSpace() && w.text[0] == '['
	if array {
		w.drop(1)
	}
	for first := true; !b.bad.Full(); first = false {
		more := w.skipSpace()
		b.line = w.line()
		switch {
		case array && more && w.text[0] == ']':
			if w.drop(1); w.skipSpace() {
				b.bad.Add(w.line(), errors.New("has text after the events: remove it"))
			}
			return w.failure()
		case array && more && !first && w.text[0] == ',':
			w.drop(1)
			if more = w.skipSpace(); more {
				b.line = w.line()
			}
		case array && more && !first:
			b.bad.Add(b.line, errors.New("want a comma, or the end of the array: correct it; what follows was not read"))
			return nil
		}
		if !more {
			if array && w.err == io.EOF {
				b.bad.Add(b.line, fmt.Errorf("the array does not end, so the file was cut off: %w", io.ErrUnexpectedEOF))
			}
			return w.failure()
		}
		if !b.addJSON(w) {
			return w.failure()
		}
	}
	return nil
}

// addJSON adds the event with which the text of w begins, and drops it. It reports
// false if there is no value.
func (b *builder) addJSON(w *window) bool {
	var e event
	if b.fast.prefix(w.text, &e) {
		w.drop(b.fast.at)
		b.addEvent(e, nil)
		return true
	}
	object, err := w.json()
	if err != nil {
		if !errors.Is(err, errUTF8) && !errors.Is(err, jsonobject.ErrLoneSurrogate) {
			err = fmt.Errorf("not JSON: correct it: %w; what follows was not read", err)
		}
		b.bad.Add(b.line, err)
		return false
	}
	e, err = parseObject(object)
	b.addEvent(e, err)
	return true
}

// skipSpace drops the space of JSON. It reports whether there is text after it.
func (w *window) skipSpace() bool {
	for {
		w.drop(len(w.text) - len(bytes.TrimLeft(w.text, " \t\r\n")))
		if len(w.text) > 0 {
			return true
		}
		if !w.more() {
			return false
		}
	}
}

// json returns the value of JSON with which the text begins, and drops it.
func (w *window) json() (value []byte, err error) {
	for {
		var raw json.RawMessage
		dec := json.NewDecoder(bytes.NewReader(w.text))
		err := dec.Decode(&raw)
		end := int(dec.InputOffset())
		if (err != nil || end == len(w.text)) && w.more() { // it may go on
			continue
		}
		line, _, _ := bytes.Cut(w.text, []byte("\n"))
		if err == nil {
			line = raw
			w.drop(end)
		}
		switch {
		case !utf8.Valid(line):
			err = errUTF8
		case err == nil && jsonobject.HasLoneSurrogate(raw):
			err = jsonobject.ErrLoneSurrogate
		}
		return raw, err
	}
}

// keywords are the keys of an event with values that are keywords in EDN.
const keywords = " process type f "

// parseObject parses an event, a valid value of JSON.
func parseObject(object []byte) (event, error) {
	if !jsonobject.Is(object) {
		return event{time: none, index: none}, errors.New(`want an object, as in {"process":0,"type":"invoke","f":"read","value":null}`)
	}
	v, parts := value{kind: dict}, 0
	err := jsonobject.Each(object, func(name string, inside []byte) error {
		field, err := jsonValue(inside, 0, &parts)
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(name, ":")
		if field.kind == text && strings.Contains(keywords, " "+name+" ") {
			field = keyword(field.plain())
		}
		v.items = append(v.items, value{word: ":" + name}, field)
		return nil
	})
	if err == nil {
		err = v.checkUnique()
	}
	if err != nil {
		return event{time: none, index: none}, err
	}
	return parseEvent(v)
}

// keyword returns the keyword of a text. A text of digits is a number: some programs
// write the process so.
func keyword(text string) value {
	if text != "" && strings.Trim(text, "0123456789") == "" {
		return value{word: number(text)}
	}
	return value{word: ":" + strings.TrimPrefix(text, ":")}
}

// jsonValue returns a valid value of JSON as one of EDN, and counts the values within it.
func jsonValue(in []byte, depth int, parts *int) (value, error) {
	if depth > maxDepth {
		return value{}, fmt.Errorf("nests deeper than %d", maxDepth)
	}
	if *parts++; *parts > maxParts {
		return value{}, errParts
	}
	switch in[0] {
	case '"':
		return quoted(jsonobject.Text(in)), nil
	case '{':
		v := value{kind: dict}
		err := jsonobject.Each(in, func(name string, inside []byte) error {
			item, err := jsonValue(inside, depth+1, parts)
			v.items = append(v.items, quoted(name), item)
			return err
		})
		if err != nil {
			return value{}, err
		}
		return v, v.checkUnique()
	case '[':
		var items []json.RawMessage
		if err := json.Unmarshal(in, &items); err != nil {
			return value{}, err
		}
		v := value{kind: vector}
		for _, inside := range items {
			item, err := jsonValue(inside, depth+1, parts)
			if err != nil {
				return value{}, err
			}
			v.items = append(v.items, item)
		}
		return v, nil
	case 'n':
		return nothing, nil
	}
	return value{word: number(string(in))}, nil
}

// quoted returns a string of EDN.
func quoted(s string) value {
	if strings.ContainsAny(s, `\"`) {
		s = escaper.Replace(s)
	}
	return value{kind: text, word: `"` + s + `"`}
}

// escaper writes what a string of EDN must not have as it is.
var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
