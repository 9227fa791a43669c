package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/server"
)

// list returns a page of a listing.
func (c *cluster) list(id node.ID, query string) httpapi.Page {
	c.t.Helper()
	status, text := c.getText(id, "/v1/machines?"+query)
	require.Equal(c.t, http.StatusOK, status, text)
	var p httpapi.Page
	require.NoError(c.t, json.Unmarshal([]byte(text), &p))
	return p
}

// machineTexts formats the machines of a page.
func machineTexts(p httpapi.Page) []string {
	all := []string{}
	for _, m := range p.Machines {
		if m.Unknown {
			all = append(all, m.Key+" ?")
			continue
		}
		all = append(all, fmt.Sprintf("%s %s v%d", m.Key, m.State, m.Version))
	}
	return all
}

func TestList(t *testing.T) {
	c := startCluster(t, 3)
	require.Equal(t, httpapi.Page{Machines: []httpapi.Listed{}, Consistency: "local", Node: 1}, c.list(1, ""))
	c.advance("lifecycle/b-2", 0, 2, 1)
	c.advance("lifecycle/a", 0, 1, 1)
	c.advance("lifecycle/b-1", 0, 1, 1)
	c.get(1, "lifecycle/untouched")
	all := []string{"lifecycle/a Running v1", "lifecycle/b-1 Running v1", "lifecycle/b-2 Stopped v2"}
	p := c.list(1, "")
	require.Equal(t, all, machineTexts(p))
	require.Empty(t, p.Next)
	require.Equal(t, all[1:], machineTexts(c.list(1, "prefix=lifecycle/b")))
	require.Equal(t, all[1:], machineTexts(c.list(1, "after=lifecycle/a")))
	require.Equal(t, all[2:], machineTexts(c.list(1, "after=lifecycle/b-1x")))
	require.Equal(t, all[:2], machineTexts(c.list(1, "state=Running")))
	require.Empty(t, machineTexts(c.list(1, "prefix=nothing")))
	require.Empty(t, machineTexts(c.list(1, "state=Nowhere")))
	for id := range c.nodes {
		for _, more := range []string{"", "&limit=1000"} {
			p := c.list(id, "consistency=linearizable"+more)
			require.Equal(t, all, machineTexts(p))
			require.Equal(t, "linearizable", p.Consistency)
		}
		require.Equal(t, all[2:], machineTexts(c.list(id, "consistency=linearizable&state=Stopped")))
	}
	require.Equal(t, 3, c.nodes[1].Status().Machines)
}

// Pages follow each other without gaps or repetition.
func TestListPages(t *testing.T) {
	const machines = 1000
	c := startCluster(t, 1)
	c.advanceMany(machines, 1)
	c.advance("lifecycle/m-0700", 1, 2, 1)
	for _, limit := range []int{1000, 999, 300, 256} {
		at := 0
		for p := (httpapi.Page{Next: ""}); at == 0 || p.Next != ""; {
			p = c.list(1, fmt.Sprintf("limit=%d&after=%s", limit, p.Next))
			require.LessOrEqual(t, len(p.Machines), limit)
			for _, m := range p.Machines {
				require.Equal(t, fmt.Sprintf("lifecycle/m-%04d", at), m.Key)
				at++
			}
		}
		require.Equal(t, machines, at)
	}
	require.Len(t, c.list(1, "").Machines, 100)
	require.Equal(t, []string{"lifecycle/m-0700 Stopped v2"}, machineTexts(c.list(1, "state=Stopped")))
}

// After a restart a node knows the machines that it holds, but not their chosen
// values. The listing reports them as unknown. Reads make the node learn them.
func TestListAfterRestart(t *testing.T) {
	c := startCluster(t, 3)
	c.advance("lifecycle/web", 0, 2, 1)
	eventually(t, "node 3 has accepted it", func() bool { return len(c.list(3, "").Machines) == 1 })
	c.stop(3)
	c.start(3)
	c.awaitAll()
	require.Equal(t, []string{"lifecycle/web ?"}, machineTexts(c.list(3, "")))
	require.Equal(t, []string{"lifecycle/web Stopped v2"}, machineTexts(c.list(3, "consistency=linearizable")))
}

// A machine whose commit was lost is listed by a node that has accepted it.
func TestListWhatIsOnlyAccepted(t *testing.T) {
	c := startCluster(t, 3, func(cfg *server.Config) {
		if cfg.Node.ID == 3 { // it will ask in vain
			cfg.Node.ConsensusTimeout = 300 * time.Millisecond
		} else {
			cfg.Node.ConsensusTimeout = testTimeout
		}
	})
	c.advance("lifecycle/web", 0, 1, 1)
	eventually(t, "node 3 lists it", func() bool { return len(c.list(3, "").Machines) == 1 })
	c.stop(1)
	c.stop(2)
	status, text := c.getText(3, "/v1/machines?consistency=linearizable")
	require.Equal(t, http.StatusGatewayTimeout, status)
	require.Contains(t, text, "no majority of the nodes answered in time")
}

// So is a machine whose value came by repair, from a node that does not know whether
// it was chosen.
func TestListWhatIsOnlyRepaired(t *testing.T) {
	c := startCluster(t, 3, func(cfg *server.Config) { cfg.Node.RepairDelay = 50 * time.Millisecond })
	c.stop(3)
	c.advance("lifecycle/web", 0, 1, 1)
	c.stop(1)
	c.stop(2)
	c.start(1) // its new life has not learnt the chosen value
	c.start(3)
	eventually(t, "node 3 lists it", func() bool { return len(c.list(3, "").Machines) == 1 })
	require.Equal(t, []string{"lifecycle/web ?"}, machineTexts(c.list(3, "")))
}

func TestListRefusals(t *testing.T) {
	c := startCluster(t, 1)
	for query, text := range map[string]string{
		"limit=0":            `limit \"0\": want 1 to 1000`,
		"limit=1001":         `limit \"1001\": want 1 to 1000`,
		"limit=all":          `limit \"all\": want 1 to 1000`,
		"consistency=strong": `consistency \"strong\": want local or linearizable`,
		"form=xml":           `form: no such parameter`,
	} {
		status, got := c.getText(1, "/v1/machines?"+query)
		require.Equal(t, http.StatusBadRequest, status, query)
		require.Contains(t, got, text)
	}
}

// Without an id an operation begins when it arrives: the number of the machine's
// earlier transitions makes no difference.
func TestOperationWithoutIDOnABusyMachine(t *testing.T) {
	c := startCluster(t, 1)
	c.advance("lifecycle/web", 0, 40, 1)
	a := c.propose(1, "lifecycle/web", `{"to":"Stopped"}`)
	require.Equal(t, uint64(41), a.Version, a.Error.Text)

	// The same holds at a node that has just started and knows no machine.
	c.stop(1)
	c.start(1)
	a = c.propose(1, "lifecycle/web", `{"to":"Init"}`)
	require.Equal(t, uint64(42), a.Version, a.Error.Text)
}
