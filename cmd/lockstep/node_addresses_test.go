package main

import (
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
		want                map[node.ID]string
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
		"both":              {peers: "4=h4:1", join: "srv+example.org", err: "--join and --peers: give one"},
	} {
		t.Run(name, func(t *testing.T) {
			got, by, err := nodeAddresses(4, c.peers, c.join, c.listen)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, c.name, by)
		})
	}
}
