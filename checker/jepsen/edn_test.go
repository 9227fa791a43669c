package jepsen

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEqualValuesHaveEqualStrings(t *testing.T) {
	for in, want := range map[string]string{
		"nil": "nil", "true": "true", ":k": ":k", "sym/bol": "sym/bol", `\a`: `\a`, `\[`: `\[`, "##NaN": "##NaN",
		"7": "7", "+7": "7", "7N": "7", "-7": "-7", "-0": "0", "007": "7", "+-7": "+-7", "1.0": "1.0", "-": "-", "+": "+", "N": "N",
		"123456789012345678901234567890N": "123456789012345678901234567890",
		`"a"`:                             `"a"`, `"\u0061\"\\\/"`: "", `"\u0061\"\\"`: `"a\"\\"`, `"a\nb"`: "\"a\nb\"", "\"a\nb\"": "\"a\nb\"",
		`"\ud83d\ude00"`: `"😀"`, `"\ud83d"`: "", `"\ud83dxxxxxx"`: "", `"\u00e9"`: `"é"`, `"\x"`: "", `"\u12"`: "",
		"[1, 2]": "[1 2]", "(1 2)": "[1 2]", "[ ]": "[]", "[[1][2]]": "[[1] [2]]", "[1 #_2 3 #_ [4]]": "[1 3]", "#_1 2": "2",
		"{:b 2 :a 1}": "{:a 1 :b 2}", "{:a}": "", "{:a 1 :a 2}": "", "#{1 1N}": "", "#{3 1}": "#{1 3}", "#inst \"x\"": `#inst "x"`, "#a #b 1": "",
		"; one\n1": "1", "[1 ; one\n]": "[1]", "": "", "[1": "", "]": "", `"a`: "", `"\`: "", "#": "", "##": "", "# a": "", "#_": "", "(1]": "", `\`: `\`,
		strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth): strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth),
		strings.Repeat("[", maxDepth+2):                               "",
	} {
		p := parser{in: []byte(in)}
		v, err := p.next()
		if want == "" {
			require.Error(t, err, in)
			continue
		}
		require.NoError(t, err, in)
		require.Equal(t, want, v.String(), in)
		require.True(t, p.ended(), in)
	}
}

// Parsing the canonical form of a value gives the same value.
func FuzzEDN(f *testing.F) {
	for _, in := range []string{`{:type :invoke, :f :cas, :value [0 4], :process 4}`, `#a.B{:key "x", :val #{1 2}}`, `"\ud83d\ude00\n"`, `\] #_ 1 ; c`, "##Inf", "[+1N (2)]"} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p := parser{in: []byte(in)}
		v, err := p.next()
		if err != nil {
			return
		}
		again := parser{in: []byte(v.String())}
		w, err := again.next()
		require.NoError(t, err, v.String())
		require.Equal(t, v.String(), w.String())
		require.True(t, again.ended())
	})
}
