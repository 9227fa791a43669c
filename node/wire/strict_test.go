package wire_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/stretchr/testify/require"
)

func TestStrictJSON(t *testing.T) {
	read := func(fields string) string { return `{"type":"read-request","key":"a/b","read":"2.1.9"` + fields + `}` }
	ballot := func(b string) string { return `{"type":"commit","key":"a/b","ballot":` + b + `}` }
	value := func(v string) string { return `{"type":"commit","key":"a/b","value":` + v + `}` }
	long := strings.Repeat("x", 258)
	for _, x := range []struct{ text, want string }{
		{read(""), ""},
		{" {\n\"first\" : \"c\\u0031\",\t\"key\":\"\", \"type\":\"read-request\"} \n", ""},
		{``, "unexpected end"},
		{`{`, "unexpected end"},
		{`null`, "null"},
		{`7`, "number: want an object"},
		{`[]`, "array: want an object"},
		{`{}`, "type: missing"},
		{`{"type":"gossip"}`, `type "gossip": want one of [proposal`},
		{`{"type":""}`, `type ""`},
		{`{"type":1}`, "type: number is of the wrong type"},
		{`{"type":["commit"]}`, "type: array is of the wrong type"},
		{read("") + "{}", "after top-level value"},
		{read("") + " x", "after top-level value"},
		{read("\x00"), "invalid character"},
		{read(`,"first":"` + "\xff" + `"`), "not UTF-8"},
		{read(`,"more":1`), `unknown field "more"`},
		{read(`,"Key":"a/b"`), `unknown field "Key"`},
		{read(`,"ſirst":"a/b"`), `unknown field "ſirst"`},
		{read(`,"f\u0069rst":"a/b"`), `unknown field`},
		{read(`,"phase":"accept"`), `unknown field "phase"`},
		{read(`,"key":"a/b"`), `field "key" given twice`},
		{read(`,"type":"read-request"`), `field "type" given twice`},
		{read(`,"first":null`), "null"},
		{read(`,"first":7`), "first: number is of the wrong type"},
		{read(`,"first":"` + long + `"`), "first: 258 bytes, at most 64"},
		{`{"type":"commit","key":"` + long + `"}`, "key: 258 bytes, at most 257"},
		{`{"type":"read-request","key":"a/b","read":"2.1"}`, `read "2.1": want node.boot.sequence`},
		{`{"type":"read-request","key":"a/b","read":"65536.1.1"}`, `read "65536.1.1"`},
		{`{"type":"proposal","key":"a/b"}`, "phase: missing"},
		{`{"type":"proposal","phase":"learn","key":"a/b"}`, `phase "learn": want one of [prepare accept]`},
		{`{"type":"proposal","phase":1,"key":"a/b"}`, "phase: number is of the wrong type"},
		{`{"type":"reject","phase":"accept","key":"a/b","reason":"bored"}`, `reason: "bored" is not known`},
		{`{"type":"request","kind":"write","key":"a/b","id":"c"}`, `kind "write": want one of [propose read read-local]`},
		{`{"type":"request","kind":"read","key":"a/b","id":"c","attempt":4294967296}`, "attempt: number 4294967296 is of the wrong type or out of range"},
		{`{"type":"request","kind":"read","key":"a/b","id":"c","attempt":1.5}`, "attempt: number 1.5"},
		{`{"type":"request","kind":"read","key":"a/b","id":"c","base":-1}`, "base: number -1"},
		{`{"type":"request","kind":"read","key":"a/b","id":"c","retry":"yes"}`, "retry: string"},
		{`{"type":"reply","kind":"read","key":"a/b","id":"c"}`, "outcome: missing"},
		{`{"type":"reply","kind":"read","key":"a/b","id":"c","outcome":"done"}`, `outcome "done": want one of [committed rejected unknown]`},
		{ballot(`"7.2.1"`), ""},
		{ballot(`"e2:7.2.1"`), ""},
		{ballot(`"-"`), ""},
		{ballot(`7`), "ballot: number is of the wrong type"},
		{ballot(`""`), `ballot ""`},
		{ballot(`"7.2"`), `ballot "7.2": want round.node.boot`},
		{ballot(`"7.2.1.0"`), `ballot "7.2.1.0"`},
		{ballot(`"07.2.1"`), `ballot "07.2.1"`},
		{ballot(`"+7.2.1"`), `ballot "+7.2.1"`},
		{ballot(`"e1:7.2.1"`), `ballot "e1:7.2.1"`},
		{ballot(`"e0:0.0.0"`), `ballot "e0:0.0.0"`},
		{ballot(`"e4294967296:7.2.1"`), `ballot "e4294967296:7.2.1"`},
		{ballot(`"7.65536.1"`), `ballot "7.65536.1"`},
		{ballot(`"18446744073709551616.2.1"`), `ballot "18446744073709551616.2.1"`},
		{value(`{}`), ""},
		{value(`null`), "null"},
		{value(`"nothing"`), "value: string is of the wrong type"},
		{value(`{"recent":[{},null]}`), "null"},
		{value(`{"recent":[{"id":"a","id":"a"}]}`), `field "id" given twice`},
		{value(`{"recent":[{"by":"a"}]}`), `unknown field "by"`},
		{value(`{"recent":[{"to":"x"},{"to":"` + strings.Repeat("x", 17000) + `"}]}`), "value.recent[1].to: 17000 bytes, at most 16384"},
		{value(`{"recent":[{"id":"a","kind":"nothing"}]}`), `kind "nothing": want one of [made void-illegal void-mismatch void]`},
		{value(`{"recent":[{"id":"a","kind":"void"}]}`), "value.recent[0].to: missing"},
		{value(`{"recent":[{"id":"a","to":"b","kind":"void-illegal"}]}`), "value.recent[0].to: void-illegal has none"},
		{value(`{"before":"` + strings.Repeat("x", 17000) + `"}`), "value.before: 17000 bytes, at most 16384"},
		{value(`{"from":"x"}`), "unknown field"},
		{value(`{"recent":[{"id":"` + long + `"}]}`), "value.recent[0].id: 258 bytes, at most 64"},
		{value(`{"recent":[{}` + strings.Repeat(",{}", node.MaxDedupWindow-1) + `]}`), ""},
		{value(`{"recent":[{}` + strings.Repeat(",{}", node.MaxDedupWindow) + `]}`), "value.recent: 257 entries, at most 256"},
		{value(`{"recent":[{}` + strings.Repeat(",{}", node.MaxRepairList) + `]}`), "list of more than 512"},
		{`{"type":"repair-request","exchange":"1.1.1","ranges":[{"path":256,"depth":2}]}`, "ranges[0]: path 0x100 has more than 2 digits"},
		{`{"type":"repair-request","exchange":"1.1.1","ranges":[{"path":256,"depth":3}]}`, ""},
		{`{"type":"repair-request","exchange":"1.1.1","wants":["a/b",null]}`, "null"},
		{`{"type":"repair-request"}`, ""},
		{`{"type":"introduction"}`, ""},
		{`{"type":"introduction","boot":1,"life":7,"stage":"empty","members":[{"id":1},{"id":2}]}`, ""},
		{`{"type":"introduction","incarnation":"` + strings.Repeat("0a", 16) + `"}`, ""},
		{`{"type":"introduction","incarnation":"` + strings.Repeat("0a", 15) + `"}`, "incarnation: " + strings.Repeat("0a", 15) + ": want sixteen bytes"},
		{`{"type":"introduction","incarnation":"` + strings.Repeat("00", 16) + `"}`, "want sixteen bytes that are not zero, or none"},
		{`{"type":"introduction","cluster":"x"}`, "invalid byte"},
		{`{"type":"introduction","cluster":"0a"}`, "cluster: 0a: want sixteen bytes"},
		{`{"type":"introduction","members":[{"id":1,"incarnation":"0a"}]}`, "members.incarnation: 0a: want sixteen bytes"},
		{`{"type":"introduction","known":[{"of":1,"by":2,"incarnation":"0a"}]}`, "known.incarnation: 0a: want sixteen bytes"},
		{`{"type":"introduction","known":[{"of":1,"by":65536}]}`, "number 65536"},
		{`{"type":"introduction","stage":"married"}`, `stage "married": want one of [empty bound formed]`},
		{`{"type":"introduction","stage":1}`, "stage: number is of the wrong type"},
		{`{"type":"introduction","answer":1}`, "answer: number"},
		{`{"type":"introduction","members":[{"id":1,"vote":true}]}`, `unknown field "vote"`},
		{`{"type":"introduction","more":"!"}`, "illegal base64"},
		{`{"type":"introduction","members":[{}` + strings.Repeat(",{}", node.MaxParticipants) + `]}`, "members: 9, at most 8"},
		{`{"type":"acknowledgment","phase":"accept","key":"a/b","at":-1}`, "at: number -1"},
		{value(`{"recent":[[[]]]}`), "nested deeper than 4"},
		{strings.Repeat("[", 1<<19) + strings.Repeat("]", 1<<19), "max depth"},
		{`{"type":"commit"` + strings.Repeat(`,"a":1`, 20) + `}`, `field "a" given twice`},
		{`{"type":"commit","a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1}`, "more than 13 fields"},
	} {
		m, err := wire.JSON{}.Decode([]byte(x.text))
		if x.want == "" {
			require.NoError(t, err, x.text)
			continue
		}
		require.ErrorIs(t, err, wire.ErrMessage, "%.200s", x.text)
		require.ErrorContains(t, err, x.want, "%.200s", x.text)
		require.Nil(t, m)
	}
}

func TestStrictCBOR(t *testing.T) {
	long, longer := strings.Repeat("x", 258), strings.Repeat("x", 17000)
	marshalled := func(v ...any) string {
		b, err := cbor.Marshal(v)
		require.NoError(t, err)
		return hex.EncodeToString(b)
	}
	read := []any{2, 1, 9}
	null := []any{0, 0, 0, 0}
	entries := func(n int) (list []any) {
		for range n {
			list = append(list, []any{"a", "b", 0})
		}
		return list
	}
	none := []byte{}
	introduction := func(change ...any) string { // the field to change, and its new value
		fields := []any{12, none, 1, 7, 0, 0, none, []any{}, []any{}, []any{}, false, false, none}
		if len(change) > 0 {
			fields[change[0].(int)] = change[1]
		}
		return marshalled(fields...)
	}
	sound := marshalled(5, "a/b", read, "c")
	for _, x := range []struct{ hex, want string }{
		{sound, ""},
		{"", "0 bytes: want an array"},
		{"84", "1 bytes: want an array"},
		{"8400", "unknown type 0x0"},
		{"840e", "unknown type 0xe"},
		{"841805", "unknown type 0x18"},
		{sound[:len(sound)-2], "unexpected EOF"},
		{sound + "00", "extraneous data"},
		{"c1" + sound, "unknown type 0x84"},
		{"9f" + sound[2:] + "ff", "indefinite-length"},
		{"a20500" + "0102", "cannot unmarshal map"},
		{marshalled(5, "a/b", read), "different number of elements"},
		{marshalled(5, "a/b", read, "c", "d"), "different number of elements"},
		{marshalled(5, "a/b", []any{2, 1}, "c"), "different number of elements"},
		{marshalled(5, []byte("a/b"), read, "c"), "cannot unmarshal byte string"},
		{marshalled(5, "a/b", read, 7), "cannot unmarshal"},
		{marshalled(5, "a/b", []any{65536, 1, 9}, "c"), "overflow"},
		{marshalled(5, "a/b", []any{-1, 1, 9}, "c"), "cannot unmarshal"},
		{marshalled(5, "a/b", []any{1.0, 1, 9}, "c"), "cannot unmarshal"},
		{marshalled(5, "a/b", []any{true, 1, 9}, "c"), "cannot unmarshal"},
		{marshalled(5, "a/b", []any{cbor.SimpleValue(2), 1, 9}, "c"), "not its only form"},
		{marshalled(5, "a/b", []any{nil, 1, 9}, "c"), "not its only form"},
		{marshalled(5, nil, read, "c"), "not its only form"},
		{marshalled(5, "a/b", nil, "c"), "not its only form"},
		{marshalled(5, "a/b", []any{cbor.Tag{Number: 2, Content: []byte{1}}, 1, 9}, "c"), "tag"},
		{strings.Replace(sound, "8302", "831802", 1), "not its only form"},
		{strings.Replace(sound, "63612f62", "7803612f62", 1), "not its only form"},
		{strings.Replace(sound, "63612f62", "63612fff", 1), "invalid UTF-8"},
		{marshalled(5, long, read, "c"), "key: 258 bytes, at most 257"},
		{marshalled(5, "a/b", read, long), "first: 258 bytes, at most 64"},
		{marshalled(1, 3, "a/b", null, nil, null, "c"), "phase: 3 is not known"},
		{marshalled(1, 0, "a/b", null, nil, null, "c"), "phase: missing"},
		{marshalled(1, 256, "a/b", null, nil, null, "c"), "overflow"},
		{marshalled(3, 1, "a/b", null, "bored", null, "c"), `reason: "bored" is not known`},
		{marshalled(7, 4, "a/b", "c", 0, "", 0, false, false, 0), "kind: 4 is not known"},
		{marshalled(7, 1, "a/b", "c", 0, "", 0, 0, false, 0), "cannot unmarshal"},
		{marshalled(7, 1, "a/b", "c", uint64(1<<32), "", 0, false, false, 0), "overflow"},
		{marshalled(8, 1, "a/b", "c", 0, 4, "", false, "", 0, 0), "outcome: 4 is not known"},
		{marshalled(4, "a/b", null, nil, "c"), ""},
		{marshalled(4, "a/b", null, cbor.RawMessage{0xf7}, "c"), "not its only form"},
		{marshalled(4, "a/b", null, []any{0, 0, "", "", nil}, "c"), "not its only form"},
		{marshalled(4, "a/b", null, []any{0, 0, "", "", []any{}}, "c"), ""},
		{marshalled(4, "a/b", null, []any{0, 0, longer, "", []any{}}, "c"), "value.state: 17000 bytes, at most 16384"},
		{marshalled(4, "a/b", null, []any{0, 0, "", "", []any{nil}}, "c"), "not its only form"},
		{marshalled(4, "a/b", null, []any{0, 0, "", "", entries(256)}, "c"), ""},
		{marshalled(4, "a/b", null, []any{0, 0, "", "", entries(257)}, "c"), "value.recent: 257 entries, at most 256"},
		{marshalled(4, "a/b", null, []any{0, 0, "", "", []any{[]any{[]any{}}}}, "c"), "exceeded max nested level"},
		{marshalled(4, "a/b", null, []any{0, 0, "", "", entries(513)}, "c"), "exceeded max number of elements"},
		{marshalled(9, read, 0, 0, []any{[]any{15, 1, 0}}, []any{"a/b"}), ""},
		{marshalled(9, read, 0, 0, []any{[]any{16, 1, 0}}, []any{}), "ranges[0]: path 0x10 has more than 1 digits"},
		{marshalled(9, read, 0, 0, []any{[]any{0, 17, 0}}, []any{}), "ranges[0]: path 0x0 has more than 17 digits"},
		{marshalled(9, read, 0, 0, []any{}, []any{long}), "wants[0]: 258 bytes, at most 257"},
		{marshalled(9, read, 0, 0, nil, []any{}), "not its only form"},
		{marshalled(10, read, 0, 0, 0, 0, []any{}, []any{[]any{"a/b", null, true}}), ""},
		{marshalled(10, read, 0, 0, 65536, 0, []any{}, []any{}), "overflow"},
		{marshalled(10, read, 0, 0, 0, 0, []any{}, []any{[]any{long, null, true}}), "items[0].key: 258 bytes, at most 257"},
		{marshalled(11, "a/b", null, []any{0, 0, "", "", entries(257)}, true), "value.recent: 257 entries, at most 256"},
		{marshalled(2, 1, "a/b", null, null, nil, "c", 0), ""},
		{marshalled(2, 1, "a/b", null, null, nil, "c"), "different number of elements"}, // of version 1 of the protocol
		{marshalled(2, 1, "a/b", null, null, nil, "c", -1), "cannot unmarshal"},
		{marshalled(6, "a/b", read, null, nil, "c", 7), ""},
		{marshalled(6, "a/b", read, null, nil, "c"), "different number of elements"},
		{introduction(), ""},
		{introduction(5, 3), "stage: 3: want 0 to 2"},
		{introduction(5, nil), "not its only form"},
		{introduction(6, make([]byte, 16)), "want sixteen bytes that are not zero, or none"},
		{introduction(6, []byte("short")), "cluster: 73686f7274: want sixteen bytes"},
		{introduction(6, "sixteen letters!"), "cannot unmarshal UTF-8 text string"},
		{introduction(7, []any{[]any{1, none}, []any{2, []byte("sixteen letters!")}}), ""},
		{introduction(7, []any{[]any{1, []byte("short")}}), "members.incarnation: "},
		{introduction(7, []any{[]any{65536, none}}), "overflow"},
		{introduction(7, []any{[]any{1}}), "different number of elements"},
		{introduction(7, slices.Repeat([]any{[]any{1, none}}, 9)), "members: 9, at most 8"},
		{introduction(8, []any{[]any{1, uint64(1<<64 - 1), 9}}), ""},
		{introduction(8, slices.Repeat([]any{[]any{1, 1, 1}}, 33)), "past: 33, at most 32"},
		{introduction(9, []any{[]any{1, 2, none, 0, 0, 0}}), ""},
		{introduction(9, []any{[]any{1, 2, []byte("short"), 0, 0, 0}}), "known.incarnation: "},
		{introduction(9, []any{[]any{1, 2, none, 0, 0, []any{[]any{[]any{}}}}}), "exceeded max nested level"},
		{introduction(9, slices.Repeat([]any{[]any{1, 2, none, 0, 0, 0}}, 15)), "known: 15, at most 14"},
		{introduction(10, 1), "cannot unmarshal"},
		{introduction(12, []byte{1, 2}), ""},
		{introduction(12, make([]byte, 10241)), "more: 10241 bytes, at most 10240"},
		{introduction(12, nil), "not its only form"},
	} {
		b, err := hex.DecodeString(x.hex)
		require.NoError(t, err)
		m, err := wire.CBOR{}.Decode(b)
		about := fmt.Sprintf("%.100s", x.hex)
		if x.want == "" {
			require.NoError(t, err, about)
			continue
		}
		require.ErrorIs(t, err, wire.ErrMessage, about)
		require.ErrorContains(t, err, x.want, about)
		require.Nil(t, m)
	}
}
