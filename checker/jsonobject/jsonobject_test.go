package jsonobject_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/jsonobject"
	"github.com/stretchr/testify/require"
)

type field struct{ name, value string }

func fieldsOf(t require.TestingT, object string) (fields []field) {
	require.NoError(t, jsonobject.Each([]byte(object), func(name string, value []byte) error {
		fields = append(fields, field{name, string(value)})
		return nil
	}))
	return fields
}

func TestFieldsComeAsWritten(t *testing.T) {
	require.Empty(t, fieldsOf(t, " { } "))
	require.Equal(t, []field{
		{"a", "1"}, {"a", "-2.5e3"}, {`"b\`, `"x\"}\\"`}, {"", "null"},
		{"list", `[1, {"]": "[\""}, []]`}, {"object", `{ "a": [ ] }`}, {"last", "true"},
	}, fieldsOf(t, ` { "a" : 1 , "a":-2.5e3,"\u0022b\\":"x\"}\\", "":null,
		"list":[1, {"]": "[\""}, []],"object" : { "a": [ ] }	,"last":true}`))
}

func TestLinesThatAreNoObject(t *testing.T) {
	const damaged = "not a JSON object, so the line is damaged or cut off: delete it, or correct it: "
	for line, want := range map[string]string{
		``:           damaged + "unexpected end of JSON input",
		` `:          damaged + "unexpected end of JSON input",
		`{"a":1`:     damaged + "unexpected end of JSON input",
		`{"a" 1}`:    damaged + "invalid character '1' after object key",
		`[{}]`:       damaged + "want an object, in braces",
		`7{}`:        damaged + "invalid character '{' after top-level value",
		`{}{}`:       "has text after the object: give each its own line",
		`{"a":1} x`:  "has text after the object: give each its own line",
		"{\"\xff\":": "not UTF-8: save it as such",
	} {
		require.EqualError(t, jsonobject.CheckLine([]byte(line)), want, line)
	}
	require.NoError(t, jsonobject.CheckLine([]byte(" {\"a\":1}\r\n")))
}

// The fields of any object, put together again, are that object to encoding/json.
func FuzzEach(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":{"b":[1,"]"]}, "c\\":"\\\""}`, "{\"\xff\":0}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) || !jsonobject.Is(text) {
			return
		}
		var again bytes.Buffer
		for i, f := range fieldsOf(t, string(text)) {
			if i > 0 {
				again.WriteByte(',')
			}
			name, _ := json.Marshal(f.name)
			again.Write(name)
			again.WriteString(":" + f.value)
		}
		require.JSONEq(t, string(text), "{"+again.String()+"}")
	})
}

func TestLoneSurrogates(t *testing.T) {
	for text, want := range map[string]bool{
		`"a"`: false, `"\\ud800"`: false, `"\u0061"`: false, `"\ud83d\ude00"`: false, `"\ud83d\ude00\ud83d\ude00"`: false, `"\n"`: false,
		`"\ud800"`: true, `"\udfff"`: true, `"\ude00\ud83d"`: true, `"\ud83dx"`: true, `"\ud83d\n"`: true, `"\ud83d\ude00\ud83d"`: true,
		`{"\ud800":1}`: true, `"\\\ud800"`: true,
	} {
		require.Equal(t, want, jsonobject.HasLoneSurrogate([]byte(text)), text)
	}
	require.ErrorIs(t, jsonobject.CheckLine([]byte(`{"id":"\udfff"}`)), jsonobject.ErrLoneSurrogate)
}
