package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/httpapi"
)

// Nodes of several clusters at one call's endpoints are told as such. A node that is being
// formed, and one that does not answer, are of none.
func TestDescribeClusters(t *testing.T) {
	at := func(endpoint, formed string) nodeStatus {
		return nodeStatus{Endpoint: endpoint, Status: &httpapi.Status{Formed: formed}}
	}
	down := nodeStatus{Endpoint: "d:1", Error: "connection refused"}
	for name, c := range map[string]struct {
		all  []nodeStatus
		want string
	}{
		"none answers":   {[]nodeStatus{down}, ""},
		"one cluster":    {[]nodeStatus{at("a:1", "aa"), at("b:1", "aa"), down}, ""},
		"one not formed": {[]nodeStatus{at("a:1", "aa"), at("b:1", "")}, ""},
		"two clusters":   {[]nodeStatus{at("a:1", "bb"), at("b:1", "aa"), at("c:1", "bb"), down}, "these endpoints are of 2 clusters: aa (b:1), bb (a:1, c:1)"},
		"a hostile node": {[]nodeStatus{at("a:1", "\x1b[2J"), at("b:1", "aa")}, `these endpoints are of 2 clusters: \u001b[2J (a:1), aa (b:1)`},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, describeClusters(c.all)) })
	}
}
