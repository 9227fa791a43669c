package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
)

// The versions are told by the nodes themselves, and of a node that does not answer by the
// others. What a member shows is text of its own: it stays in its line.
func TestDescribeBuilds(t *testing.T) {
	status := func(id node.ID, build string, peers ...httpapi.PeerStatus) nodeStatus {
		return nodeStatus{Status: &httpapi.Status{Node: id, Build: build, Peers: peers}}
	}
	peer := func(id node.ID, build string) httpapi.PeerStatus { return httpapi.PeerStatus{Node: id, Build: build} }
	down := nodeStatus{Endpoint: "127.0.0.1:1", Error: "connection refused"}
	for name, c := range map[string]struct {
		all  []nodeStatus
		want string
	}{
		"no node answers": {[]nodeStatus{down}, ""},
		"all the same":    {[]nodeStatus{status(1, "v1.2.0 abc go1"), status(2, "v1.2.0 abc go1")}, "the version of all members: v1.2.0 abc go1"},
		"one is older":    {[]nodeStatus{status(1, "v1.2.0 abc go1"), status(2, "v1.1.0 def go1")}, "the lowest version of the members: v1.1.0 def go1 (1 v1.2.0, 2 v1.1.0)"},
		"told by another": {[]nodeStatus{status(1, "v1.2.0", peer(2, "v1.1.0")), down}, "the lowest version of the members: v1.1.0 (1 v1.2.0, 2 v1.1.0)"},
		"itself knows":    {[]nodeStatus{status(1, "v1.2.0", peer(2, "v1.1.0")), status(2, "v1.2.0")}, "the version of all members: v1.2.0"},
		"one of two met":  {[]nodeStatus{status(1, "v1.2.0", peer(3, "unknown")), status(2, "v1.2.0", peer(3, "v1.0.0"))}, "the lowest version of the members: v1.0.0 (1 v1.2.0, 2 v1.2.0, 3 v1.0.0)"},
		"an old one":      {[]nodeStatus{status(1, "v1.2.0", peer(2, "unknown")), status(2, "")}, "the lowest version of the members: unknown (1 v1.2.0, 2 unknown)"},
		"hostile": {[]nodeStatus{status(1, "v1.2.0", peer(2, "\x1b[2J\n"+strings.Repeat("x", 90)))},
			`the lowest version of the members: \u001b[2J\u000a` + strings.Repeat("x", 90) + ` (1 v1.2.0, 2 \u001b[2J\u000a` + strings.Repeat("x", 27) + `)`},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, describeBuilds(c.all)) })
	}
}
