package check

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestFormatIsKnownByTheFirstObject(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	for text, want := range map[string]guess{
		"":                            namesLockstep,
		" \n":                         namesLockstep,
		"\ufeff":                      namesLockstep,
		`{"format":"x"}`:              namesLockstep,
		`{"a":{"format":1`:            likeLockstep,
		`{"id":"c1.1","kind":"read"}`: likeLockstep,
		`{"value":"` + long + `","process":0,"type":"ok"}`: likeLockstep,
		`{"a":1}{"process":0,"type":"ok"}`:                 likeLockstep,
		`{"a" 1, "process" 0, "type" 1}`:                   likeLockstep,
		`{1}`:                                              likeLockstep,
		"{":                                                likeLockstep,
		`{"value":{"a":"}"},"process":0,"type":"invoke"}`:    likeJepsen,
		`{":value":[{}], ":process" : 0, ":type" : "info"}`:  likeJepsen,
		"\ufeff [ {\"process\":0,\"value\":{},\n\"type\":1}": likeJepsen,
		`{"process":0,"type":"ok","value":"` + long + `"}`:   likeJepsen,
		"{ :process 0}":                      likeJepsen,
		"{, :process 0}":                     likeJepsen,
		"[":                                  likeJepsen,
		"[[1]]":                              likeJepsen,
		"0 :invoke :read nil\n":              likeJepsen,
		`{"Call":1,"Input":{},"Output":{}}`:  namesEtcd,
		`{"Input":{"process":0,"type":"a"}}`: likeLockstep,
		`{"ClientId":1,"Input":"` + long:     likeEtcd,
	} {
		for _, in := range []io.Reader{strings.NewReader(text), iotest.DataErrReader(strings.NewReader(text)), iotest.HalfReader(strings.NewReader(text))} {
			buffered := bufio.NewReaderSize(in, 64<<10)
			got, err := detectFormat(buffered)
			require.NoError(t, err, "%.60s", text)
			require.Equal(t, want, got, "%.60s", text)
			rest, err := io.ReadAll(buffered)
			require.NoError(t, err)
			require.Equal(t, text, string(rest), "the reader is where it was")
		}
	}
}

// A pipe may have no more than the header yet, and a damaged file no more at all.
func TestFormatTakesNoMoreThanTheFirstObject(t *testing.T) {
	broken := errors.New("disk on fire")
	for text, want := range map[string]error{`{"format":"x"}`: nil, "{:": nil, "x": nil, `{"format":`: broken, " ": broken, "": broken} {
		in := io.MultiReader(iotest.OneByteReader(strings.NewReader(text)), iotest.ErrReader(broken))
		_, err := detectFormat(bufio.NewReader(in))
		require.Equal(t, want, err, text)
	}
}
