package fleet_test

import (
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/stretchr/testify/require"
)

func TestParseWorker(t *testing.T) {
	for text, now := range map[string]string{
		`{"name":"ada","build":"0123456789abcdef","now":"idle"}`:        "idle",
		`{"name":"ada","now":"idle\nworker bob, build 1: idle"}`:        `idle worker bob, build 1: idle`,
		`{"name":"ada","now":"\u001b[2J"}`:                              ` [2J`,
		`{"name":"ada","now":"` + strings.Repeat("x", 255) + `\u00e9"}`: strings.Repeat("x", 255),
	} {
		w, err := fleet.ParseWorker("ada", []byte(text))
		require.NoError(t, err, text)
		require.Equal(t, now, w.Now)
	}
	for name, text := range map[string]string{
		"bob": `{"name":"ada"}`,
		"":    `{}`,
		"a b": `{"name":"a b"}`,
		"ada": `{"name":"ada","build":"\u001b"}`,
		"eve": `[]`,
	} {
		_, err := fleet.ParseWorker(name, []byte(text))
		require.ErrorIs(t, err, fleet.ErrWorker, text)
	}
}
