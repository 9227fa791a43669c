package httpapi_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker/jsonobject"
	"github.com/lockstep-dst/lockstep/node/httpapi"
)

// A body that one reader might take for something else than another is refused, with
// the field and the remedy.
func TestReadTransitionIsStrict(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{``, "EOF"},
		{`not JSON`, "invalid character"},
		{`[]`, "it is not an object"},
		{`null`, "it is not an object"},
		{`"to"`, "it is not an object"},
		{`{"to":"Running"`, "EOF"},
		{`{"to":"Running",}`, "invalid character"},
		{`{"to":"Running"}{"to":"Init"}`, "more than one value"},
		{`{"to":"Running"} x`, "more than one value"},
		{`{"to":"Running","too":1}`, `unknown field "too"`},
		{`{"To":"Running"}`, `unknown field "To": write it "to"`},
		{`{"to":"Running","Expect_Version":1}`, `write it "expect_version"`},
		{`{"to":"Running","to":"Stopped"}`, `field "to" given twice`},
		{`{"to":"Running","t\u006f":"Stopped"}`, `field "to" given twice`},
		{`{"to":"Running","expect_version":null}`, "expect_version: null: give a value or leave the field out"},
		{`{"to":null}`, "to: null"},
		{`{"to":""}`, "to: empty"},
		{`{"to":"Running","operation":""}`, "operation: empty: give a value or leave the field out"},
		{`{"to":{"to":"Running"}}`, "to: want a plain value"},
		{`{"to":["Running"]}`, "to: want a plain value"},
		{`{"to":7}`, "to: number is of the wrong type"},
		{`{"to":"Running","first":1}`, "first: number is of the wrong type"},
		{`{"to":"Running","expect_version":-1}`, "expect_version"},
		{`{"to":"Running","expect_version":1.0}`, "expect_version"},
		{`{"to":"Running","expect_version":1e3}`, "expect_version"},
		{`{"to":"Running","expect_version":18446744073709551616}`, "expect_version"},
		{`{"to":"Running","attempt":4294967296}`, "attempt"},
		{"{\"to\":\"\xff\"}", "it is not UTF-8"},
		{`{"to":"\ud800"}`, "to: it has a character that is not Unicode"},
		{`{"to":"Running","operation":"a\udc00b"}`, "operation: it has a character"},
	} {
		_, err := httpapi.ReadTransition(strings.NewReader(c.body))
		require.ErrorContains(t, err, c.want, c.body)
		require.True(t, strings.HasPrefix(err.Error(), "body: "), err)
	}
	zero := uint64(0)
	got, err := httpapi.ReadTransition(strings.NewReader(" {\"to\" : \"a \\\"b\\\"\\n\",\n\"expect_version\":0 } \n"))
	require.NoError(t, err)
	require.Equal(t, httpapi.Transition{To: "a \"b\"\n", ExpectVersion: &zero}, got)
}

// For any bytes, the reader does as the judge's strict reader of objects, of which it
// knows nothing.
func FuzzReadTransition(f *testing.F) {
	for _, seed := range []string{
		`{"to":"Running"}`, `{"to":"Stopped","operation":"pay-1","first":true,"expect_version":3,"attempt":2,"base":7,"retry":false}`,
		`{"To":"Running"}`, `{"to":"a","to":"b"}`, `{"to":null}`, `{"to":"\ud83d\ude00"}`, `{"to":"\ud800"}`, `{"t\u006f":"x"}`, `[]`, `{}`, `{"to":"x"} {}`,
		"\xef\xbb\xbf{}", `{"to":1e2}`, `{"base":1.0}`, `{"first":"true"}`, `{"":1}`, `{"to":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := httpapi.ReadTransition(strings.NewReader(string(body)))
		want, ok := readTransition(body)
		require.Equal(t, ok, err == nil, "%q: %v", body, err)
		if ok {
			require.Equal(t, want, got)
		}
	})
}

// readTransition reads a body field by field, and reports whether it is one.
func readTransition(body []byte) (t httpapi.Transition, ok bool) {
	if !utf8.Valid(body) || !json.Valid(body) || !jsonobject.Is(body) {
		return t, false
	}
	given := map[string]bool{}
	number := func(value string, bits int) uint64 {
		n, err := strconv.ParseUint(value, 10, bits)
		ok = ok && err == nil
		return n
	}
	text := func(value string) string {
		if !strings.HasPrefix(value, `"`) {
			ok = false
			return ""
		}
		s := jsonobject.Text([]byte(value))
		ok = ok && s != "" && !strings.ContainsRune(s, utf8.RuneError)
		return s
	}
	truth := func(value string) bool {
		ok = ok && (value == "true" || value == "false")
		return value == "true"
	}
	ok = true
	_ = jsonobject.Each(body, func(name string, value []byte) error {
		v := string(value)
		switch ok = ok && !given[name]; name {
		case "to":
			t.To = text(v)
		case "operation":
			t.Operation = text(v)
		case "first":
			t.First = truth(v)
		case "retry":
			t.Retry = truth(v)
		case "expect_version":
			n := number(v, 64)
			t.ExpectVersion = &n
		case "attempt":
			t.Attempt = uint32(number(v, 32))
		case "base":
			t.Base = number(v, 64)
		default:
			ok = false
		}
		given[name] = true
		return nil
	})
	return t, ok
}

// A name that anybody can give a meaning to is refused; addresses, localhost and the
// names of the configuration are not.
func TestHosts(t *testing.T) {
	h, err := httpapi.NewHosts("Node-1:8001", []string{"node1.example.org", " LB.example.org. "})
	require.NoError(t, err)
	for host, want := range map[string]bool{
		"": true, "127.0.0.1": true, "127.0.0.1:8001": true, "[::1]": true, "[::1]:8001": true, "::1": true, "[fe80::1%25eth0]:8001": true, "10.1.2.3:80": true,
		"localhost": true, "localhost:8001": true, "LOCALHOST": true, "localhost.": true, "a.localhost:1": true,
		"node-1:8001": true, "NODE-1": true, "node-1.": true, "node1.example.org": true, "node1.example.org:9": true, "lb.example.org:443": true,
		"evil.example.org": false, "evil.example.org:8001": false, "node-1.evil.example.org": false, "node1.example.org.evil": false, "xnode-1": false,
		"localhost.evil.example.org": false, "127.0.0.1.evil.example.org": false, "127.0.0.1.nip.io:8001": false, "notlocalhost": false,
		"127.0.0.1@evil.example.org": false, "evil.example.org:127.0.0.1": false, "[evil.example.org]:1": false, "evil:x:y": false, "1.2.3": false, "1.2.3.4.5": false, "1.2.3.256": false, "01.2.3.4": false, "+1.2.3.4": false, "2130706433": false, "0x7f.1": false, ":8001": false, ".": false, " ": false,
	} {
		require.Equal(t, want, h.Allows(host), "%q", host)
	}
	open, err := httpapi.NewHosts(":8001", nil)
	require.NoError(t, err)
	require.False(t, open.Allows("node-1:8001"))
	require.False(t, open.Allows(":8001"))
	for _, bad := range []string{"", "a b", "http://a", "a:80", "a/b", "*", "*.example.org", strings.Repeat("a", 254)} {
		_, err := httpapi.NewHosts("", []string{bad})
		require.ErrorIs(t, err, httpapi.ErrHost, bad)
	}
}

func TestMediaType(t *testing.T) {
	for _, c := range []struct {
		headers []string
		want    string
	}{
		{[]string{"application/json"}, httpapi.JSON}, {[]string{"Application/JSON; charset=utf-8"}, httpapi.JSON}, {[]string{`application/json;charset="UTF-8"`}, httpapi.JSON},
		{[]string{"application/yaml"}, httpapi.YAML}, {[]string{"text/plain"}, "text/plain"}, {[]string{"application/json-patch+json"}, "application/json-patch+json"},
		{[]string{"application/json; charset=utf-16"}, ""}, {nil, ""}, {[]string{""}, ""}, {[]string{"text/plain", "application/json"}, ""},
		{[]string{"text/plain; x=application/json"}, "text/plain"},
	} {
		require.Equal(t, c.want, httpapi.MediaType(c.headers), "%q", c.headers)
	}
}
