package jepsen

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/jsonobject"
)

// Jepsen's events are JSON too, for programs in other languages: objects with
// the keys of the maps, without the colons. Type, function and process are texts
// in place of keywords. Values become those of EDN: an array a vector, null nil.

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
	all, err := b.readText(in)
	if all == nil || err != nil {
		return err
	}
	b.line = 1
	dec := json.NewDecoder(bytes.NewReader(all))
	array := bytes.HasPrefix(bytes.TrimSpace(all), []byte("["))
	if array {
		_, _ = dec.Token() // the bracket
	}
	counted := 0
	for dec.More() {
		var object json.RawMessage
		err := dec.Decode(&object)
		at := int(dec.InputOffset()) - len(object)
		if err != nil {
			at = int(dec.InputOffset())
			at += len(all[at:]) - len(bytes.TrimLeft(all[at:], " \t\r\n,"))
		}
		b.line += bytes.Count(all[counted:at], []byte("\n"))
		counted = at
		if err != nil {
			b.bad.Add(b.line, fmt.Errorf("not JSON: correct it: %w; what follows was not read", err))
			return nil
		}
		e, err := parseObject(object)
		b.addEvent(e, err)
	}
	if _, err := dec.Token(); array && err != nil {
		b.bad.Add(1+bytes.Count(all, []byte("\n")), fmt.Errorf("the array does not end, so the file was cut off: %w", err))
	} else if _, err := dec.Token(); err != io.EOF {
		b.bad.Add(1+bytes.Count(all, []byte("\n")), errors.New("has text after the events: remove it"))
	}
	return nil
}

// keywords are the keys of an event with values that are keywords in EDN.
const keywords = " process type f "

// parseObject parses an event, a valid value of JSON.
func parseObject(object []byte) (event, error) {
	if !jsonobject.Is(object) {
		return event{time: none, index: none}, errors.New(`want an object, as in {"process":0,"type":"invoke","f":"read","value":null}`)
	}
	v := value{kind: dict}
	err := jsonobject.Each(object, func(name string, inside []byte) error {
		field, err := jsonValue(inside, 0)
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(name, ":")
		if field.kind == text && strings.Contains(keywords, " "+name+" ") {
			field = value{word: ":" + strings.TrimPrefix(field.plain(), ":")}
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

// jsonValue returns a valid value of JSON as one of EDN.
func jsonValue(in []byte, depth int) (value, error) {
	if depth > maxDepth {
		return value{}, fmt.Errorf("nests deeper than %d", maxDepth)
	}
	switch in[0] {
	case '"':
		return quoted(jsonobject.Text(in)), nil
	case '{':
		v := value{kind: dict}
		err := jsonobject.Each(in, func(name string, inside []byte) error {
			item, err := jsonValue(inside, depth+1)
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
			item, err := jsonValue(inside, depth+1)
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
	return value{kind: text, word: `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`}
}
