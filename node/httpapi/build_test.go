package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/httpapi"
)

// The lowest version of the members is that of the earliest release among them. One that is
// not known may be any.
func TestLowestBuild(t *testing.T) {
	for _, c := range []struct {
		builds []string
		want   string
	}{
		{nil, ""},
		{[]string{"v1.2.0 abc go1.26"}, "v1.2.0 abc go1.26"},
		{[]string{"v1.10.0 a", "v1.9.1 b", "v1.9.0 c", "v2.0.0 d"}, "v1.9.0 c"},
		{[]string{"v1.2.0", "v1.2.0-rc.1", "v1.2.1"}, "v1.2.0-rc.1"},
		{[]string{"v1.2.1-0.20260101-abc x", "v1.2.0", "v1.2.1"}, "v1.2.0"},
		{[]string{"v1.2.0+dirty x", "v1.2.0 y"}, "v1.2.0 y"},
		{[]string{"v0.0.1", "v1.2", "w1.2.3"}, "v1.2"},
		{[]string{"v1.2.0", "devel 0123 go1.26"}, "devel 0123 go1.26"},
		{[]string{"v1.2.0 b", "v1.2.0 a"}, "v1.2.0 a"},
		{[]string{"v1.2.0", "", "v1.1.0"}, httpapi.UnknownBuild},
		{[]string{"v1.2.0", "unknown"}, httpapi.UnknownBuild},
	} {
		require.Equal(t, c.want, httpapi.LowestBuild(c.builds), "%q", c.builds)
	}
}
