package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
)

// A node that joins names members, or a name that leads to them. What is wrong is named,
// with the remedy.
func TestNodeAddresses(t *testing.T) {
	for name, c := range map[string]struct {
		peers, join, listen string
		want, guides        map[node.ID]string
		name, err           string
	}{
		"founders":          {peers: "4=h4:1,5=h5:1", want: map[node.ID]string{4: "h4:1", 5: "h5:1"}},
		"one member":        {join: "1=h1:1", listen: ":1", want: map[node.ID]string{1: "h1:1", 4: ":1"}},
		"a name":            {join: "srv+_lockstep._tcp.example.org", listen: "h4:1", want: map[node.ID]string{4: "h4:1"}, name: "_lockstep._tcp.example.org"},
		"a name, absolute":  {join: "srv+peers.", listen: "h4:1", want: map[node.ID]string{4: "h4:1"}, name: "peers."},
		"founders by name":  {peers: "srv+_lockstep._tcp.example.org", err: "SRV records have no numbers of nodes: list every member"},
		"no name":           {join: "srv+", listen: "h4:1", err: `--join: "srv+": want the name of SRV records after srv+, as in srv+_lockstep._tcp.example.org`},
		"a name with space": {join: "srv+a b", listen: "h4:1", err: "want the name of SRV records"},
		"an empty label":    {join: "srv+a..b", listen: "h4:1", err: "want the name of SRV records"},
		"a name and a port": {join: "srv+example.org:7001", listen: "h4:1", err: "want the name of SRV records"},
		"a long label":      {join: "srv+" + strings.Repeat("a", 64) + ".org", listen: "h4:1", err: "want the name of SRV records"},
		"nowhere to listen": {join: "srv+example.org", err: "--listen: missing"},
		"itself":            {join: "4=h4:1", err: "no other node: name a member of the cluster"},
		"guides":            {peers: "4=h4:1,5=h5:1", join: "6=h6:1,4=other:1", want: map[node.ID]string{4: "h4:1", 5: "h5:1"}, guides: map[node.ID]string{6: "h6:1", 4: "other:1"}},
		"guides by name":    {peers: "4=h4:1", join: "srv+example.org", err: "beside --peers name a member, as in 4=127.0.0.1:7004"},
		"one address twice": {peers: "4=h4:1,5=h4:1", err: "--peers: h4:1 is listed twice, for nodes 4 and 5: every node has its own"},
		"no guide":          {peers: "4=h4:1", join: "6", err: `--join: "6": want ID=HOST:PORT`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := nodeAddresses(4, c.peers, c.join, c.listen)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got.peers)
			require.Equal(t, c.name, got.name)
			require.Equal(t, c.peers == "", got.join)
			if c.guides == nil { // of one that joins they are the members that it asks
				c.guides = maps.Clone(c.want)
				delete(c.guides, 4)
			}
			if got.join || c.join != "" {
				require.Equal(t, c.guides, got.guides)
			}
		})
	}
}
