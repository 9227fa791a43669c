package server

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
)

// The addresses of members that a change takes along are of use to all members: those of a
// host alone only if the members are on one host.
func TestAddressesThatAreTakenAlong(t *testing.T) {
	s := &Server{cfg: Config{Peers: map[node.ID]string{
		1: "0.0.0.0:7001", 2: "127.0.0.1:7001", 3: "db3.example:7001", 4: "10.0.0.4:7001", 5: ":7001", 6: "localhost:7001", 7: "[::1]:7001", 8: "[::]:7001", 9: "nowhere",
	}}}
	for changed, want := range map[string][]node.ID{
		"db4.example:7001": {3, 4},
		"10.0.0.9:7001":    {3, 4},
		"":                 {3, 4},
		"127.0.0.1:7009":   {2, 3, 4, 6, 7},
	} {
		got := slices.Sorted(maps.Keys(s.addressesFor(changed)))
		require.Equal(t, want, got, changed)
	}
}
