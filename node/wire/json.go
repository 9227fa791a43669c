package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/node"
)

// JSON is the codec for people.
type JSON struct{}

// Name implements Codec.
func (JSON) Name() string { return "json" }

// Append implements Codec.
func (c JSON) Append(dst []byte, m node.Message) ([]byte, error) {
	f, err := checkedForm(m)
	if err != nil {
		return dst, codecError(c, err)
	}
	out := bytes.NewBuffer(dst)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return dst, codecError(c, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Decode implements Codec.
func (c JSON) Decode(b []byte) (node.Message, error) {
	m, err := decodeJSON(b)
	if err != nil {
		return nil, codecError(c, explainJSONError(err))
	}
	return m, nil
}

// explainJSONError describes a wrong type without Go's names of types.
func explainJSONError(err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &wrong):
		return err
	case wrong.Field == "":
		return fmt.Errorf("%s: want an object {...}", wrong.Value)
	}
	return fmt.Errorf("%s: %s is of the wrong type or out of range", wrong.Field, wrong.Value)
}

func decodeJSON(b []byte) (node.Message, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	k, err := typeOf(b)
	if err != nil {
		return nil, err
	}
	if err := checkStrict(b); err != nil {
		return nil, err
	}
	f := newForm(k)
	if f == nil {
		return nil, errors.New("type: missing")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return nil, err
	}
	return toMessage(f)
}

// typeOf returns the type of message in b, if b is valid JSON. Append writes the type
// first, which typeOf finds without decoding.
func typeOf(b []byte) (k messageType, err error) {
	if rest, ok := bytes.CutPrefix(b, []byte(`{"type":"`)); ok && json.Valid(b) {
		if name, _, _ := bytes.Cut(rest, []byte(`"`)); k.UnmarshalText(name) == nil {
			return k, nil
		}
	}
	var head struct {
		Type messageType `json:"type"`
	}
	err = json.Unmarshal(b, &head)
	return head.Type, err
}

// checkedForm returns the form of a message, or an error if codecs refuse it.
func checkedForm(m node.Message) (wireForm, error) {
	f, err := formOf(m)
	if err != nil {
		return nil, err
	}
	return f, check(m)
}
