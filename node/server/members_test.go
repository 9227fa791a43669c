package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/tcp"
	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
)

// fast has changes of members take tenths of a second: their steps take turns by the
// timings of the node.
func fast(cfg *server.Config) {
	cfg.Node.ResendTimeout = 50 * time.Millisecond
	cfg.Node.RepairDelay = 100 * time.Millisecond
}

// startJoining starts a node with an empty directory that is to be added. It knows the
// given members.
func (c *cluster) startJoining(id node.ID, asks []node.ID, change ...func(*server.Config)) {
	c.t.Helper()
	cfg := *c.configs[asks[0]]
	cfg.Join, cfg.Node.ID, cfg.Log = true, id, slog.New(slog.DiscardHandler)
	cfg.Data = filepath.Join(c.t.TempDir(), fmt.Sprintf("node-%d", id))
	cfg.Peers = map[node.ID]string{id: tcptest.Address(c.t)}
	for _, other := range asks {
		cfg.Peers[other] = c.configs[other].Peers[other]
	}
	for _, f := range change {
		f(&cfg)
	}
	c.configs[id] = &cfg
	c.start(id)
}

// address is where the peers of a node dial it.
func (c *cluster) address(id node.ID) string { return c.configs[id].Peers[id] }

// change asks a node for a change of members, which it takes.
func (c *cluster) change(id node.ID, body string) {
	c.t.Helper()
	require.Equal(c.t, http.StatusAccepted, c.request(id, "POST", "/v1/members", body).Status, body)
}

// awaitMembers waits until each of the nodes knows members with these roles, of a stable
// epoch.
func (c *cluster) awaitMembers(want string, nodes ...node.ID) {
	c.t.Helper()
	for _, id := range nodes {
		eventually(c.t, fmt.Sprintf("node %d knows the members %s", id, want), func() bool { return roles(c.nodes[id].Members()) == want })
	}
}

// roles are the members of a response as text, as in "1 voter, 2 learner".
func roles(m httpapi.Members) (text string) {
	for i := range m.Members {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%d %s", m.Members[i].Node, m.Members[i].Role)
	}
	return text
}

// A cluster of one node grows to three, is used all the while, and shrinks again.
func TestClusterGrowsAndShrinks(t *testing.T) {
	c := startCluster(t, 1, fast)
	require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status)
	require.Equal(t, "1 voter", roles(c.nodes[1].Members()))
	for id := node.ID(2); id <= 3; id++ {
		c.startJoining(id, []node.ID{1})
		require.Contains(t, c.nodes[id].Status().Reason, fmt.Sprintf("it waits to be added to the cluster: lockstep members add %d=HOST:PORT", id))
		c.change(1, fmt.Sprintf(`{"change":"add","node":%d,"address":%q}`, id, c.address(id)))
		eventually(t, fmt.Sprintf("node %d votes, as all know", id), func() bool {
			for _, x := range c.nodes {
				if len(x.Members().Voters) != int(id) || x.Members().Next != nil {
					return false
				}
			}
			return true
		})
	}
	c.awaitMembers("1 voter, 2 voter, 3 voter", 1, 2, 3)
	require.Equal(t, "Running", c.get(3, "lifecycle/web").State)
	c.stop(1) // and the other two decide
	require.Equal(t, http.StatusOK, c.propose(2, "lifecycle/web", `{"to":"Stopped"}`).Status)
	c.start(1) // with the members that it was started with the first time
	c.awaitMembers("1 voter, 2 voter, 3 voter", 1)
	c.stop(3)
	c.start(3) // with Join, which says nothing to a log that has members
	require.False(t, c.nodes[3].WaitsToBeAdded())
	c.awaitAll()

	c.change(2, `{"change":"remove","node":1}`)
	c.awaitMembers("2 voter, 3 voter", 2, 3)
	eventually(t, "node 1 has told the others, and ends", func() bool { return errors.Is(c.nodes[1].Err(), member.ErrRemoved) })
	err := startRefused(t, *c.configs[1])
	require.ErrorIs(t, err, member.ErrRemoved)
	require.ErrorContains(t, err, "start it with a new id and --join, and add that one")
	require.Equal(t, "Stopped", c.get(3, "lifecycle/web").State)
}

// A node that was away while all others were replaced finds no member with the flags that it had,
// and the members by a guide; the next time its log has them. In the log that is away, members
// have changed before, or they have not.
func TestANodeIsGuided(t *testing.T) {
	for _, changedBefore := range []bool{false, true} {
		t.Run(fmt.Sprint(changedBefore), func(t *testing.T) {
			c := startCluster(t, 3, fast)
			if changedBefore {
				c.startJoining(4, []node.ID{1, 2, 3})
				c.change(1, fmt.Sprintf(`{"change":"replace","node":4,"address":%q,"replaces":1}`, c.address(4)))
				c.awaitMembers("2 voter, 3 voter, 4 voter", 2, 3, 4)
			}
			require.Equal(t, http.StatusOK, c.propose(2, "lifecycle/web", `{"to":"Running"}`).Status)
			c.stop(3)
			replace := func(old, by, third node.ID) {
				c.startJoining(by, []node.ID{old, third})
				c.change(old, fmt.Sprintf(`{"change":"replace","node":%d,"address":%q,"replaces":%d}`, by, c.address(by), old))
				eventually(t, fmt.Sprintf("node %d has left", old), func() bool { return errors.Is(c.nodes[old].Err(), member.ErrRemoved) })
			}
			first := node.ID(1)
			if changedBefore {
				first = 4
			}
			replace(first, 5, 2)
			replace(2, 6, 5)
			c.awaitMembers("3 voter, 5 voter, 6 voter", 5, 6)
			c.start(3)
			require.Never(t, func() bool {
				return len(c.nodes[3].Members().Members) > 0 && roles(c.nodes[3].Members()) == "3 voter, 5 voter, 6 voter"
			}, 500*time.Millisecond, 50*time.Millisecond)
			c.stop(3)
			with := *c.configs[3]
			with.Guides = map[node.ID]string{2: "127.0.0.1:1", 6: c.address(6)} // one has left
			without := c.configs[3]
			c.configs[3] = &with
			if changedBefore { // the guide is away for longer than a former member is kept
				c.stop(6)
				c.start(3)
				time.Sleep(tcp.DefaultFormerGrace + 500*time.Millisecond)
				c.start(6)
			} else {
				c.start(3)
			}
			c.awaitMembers("3 voter, 5 voter, 6 voter", 3)
			if changedBefore { // and it stays a peer
				time.Sleep(tcp.DefaultFormerGrace + 500*time.Millisecond)
				c.stop(5)
				require.Equal(t, "Running", c.get(3, "lifecycle/web").State) // a majority says so
				c.start(5)
			}
			require.Equal(t, "Running", c.get(3, "lifecycle/web").State)
			c.stop(3)
			c.configs[3] = without
			c.start(3)
			c.awaitMembers("3 voter, 5 voter, 6 voter", 3)
			c.stop(5) // and the other two decide
			require.Equal(t, http.StatusOK, c.propose(3, "lifecycle/web", `{"to":"Stopped"}`).Status)
		})
	}
}

// The members are listed with their roles and the addresses at which the node dials
// them; metrics and the status have them too.
func TestMembersAreShown(t *testing.T) {
	c := startCluster(t, 1, fast)
	c.startJoining(2, []node.ID{1})
	c.change(1, fmt.Sprintf(`{"change":"add","node":2,"address":%q,"learner":true}`, c.address(2)))
	c.awaitMembers("1 voter, 2 learner", 1, 2)
	c.change(1, `{"change":"add","node":5,"address":"127.0.0.1:1"}`)
	c.awaitMembers("1 voter, 2 learner, 5 invited", 1, 2)

	_, text := c.getText(1, "/v1/members")
	var got httpapi.Members
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	require.Equal(t, []httpapi.Member{
		{Node: 1, Role: httpapi.Voter, Address: c.address(1), Endpoint: c.nodes[1].HTTPAddr().String()},
		{Node: 2, Role: httpapi.Learner, Address: c.address(2), Endpoint: c.nodes[2].HTTPAddr().String()},
		{Node: 5, Role: httpapi.Invited, Address: "127.0.0.1:1", Promote: true},
	}, got.Members)
	require.EqualValues(t, 5, got.LastID)
	metrics := c.metrics(1)
	require.EqualValues(t, got.Epoch, metrics["lockstep_epoch"])
	require.EqualValues(t, 1, metrics[`lockstep_members{role="learner"}`])
	require.EqualValues(t, 1, metrics[`lockstep_members{role="invited"}`])
	st := c.nodes[1].Status()
	require.Equal(t, got.Epoch, st.Epoch)
	require.Equal(t, "node 5 is invited, and has not introduced itself", st.Change)
	require.True(t, c.nodes[2].Status().Ready, c.nodes[2].Status().Reason)
}

// A node moves to another address: the others are told it, and reach it there when it
// comes back, though all were started with the old one.
func TestNodeMoves(t *testing.T) {
	c := startCluster(t, 3, fast)
	c.stop(2)
	moved := tcptest.Address(t)
	c.change(1, fmt.Sprintf(`{"change":"move","node":2,"address":%q}`, moved))
	eventually(t, "both know the new address", func() bool {
		return c.nodes[1].Members().Members[1].Address == moved && c.nodes[3].Members().Members[1].Address == moved
	})
	c.configs[2].Listen = moved
	c.start(2)
	c.awaitAll()
	c.stop(3)
	c.start(3)
	require.Equal(t, moved, c.nodes[3].Members().Members[1].Address, "the log goes before the flags")
	c.awaitAll()
	require.Equal(t, http.StatusOK, c.propose(2, "lifecycle/web", `{"to":"Running"}`).Status)
}

// A node joins three that formed the cluster by the address of one: the change that adds it
// has the addresses of all. It decides with the others when the one that it asked is gone.
func TestNodeJoinsByOneAddress(t *testing.T) {
	c := startCluster(t, 3, fast)
	var log lockedBuffer
	c.startJoining(4, []node.ID{1}, func(cfg *server.Config) { cfg.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	eventually(t, "node 1 refuses it", func() bool {
		return strings.Contains(log.String(), `level=INFO msg="the peer does not have this node among its members yet"`)
	})
	c.change(1, fmt.Sprintf(`{"change":"add","node":4,"address":%q}`, c.address(4)))
	c.awaitMembers("1 voter, 2 voter, 3 voter, 4 voter", 1, 2, 3, 4)
	for i, m := range c.nodes[4].Members().Members {
		require.Equal(t, c.address(node.ID(i+1)), m.Address)
	}
	require.NotContains(t, log.String(), "level=ERROR", "all of that is in the ordinary course")
	require.NotContains(t, log.String(), "level=WARN")
	c.stop(1)
	c.stop(4)
	c.start(4) // with the members of its log
	eventually(t, "node 4 decides with nodes 2 and 3", func() bool {
		return c.propose(4, "lifecycle/web", `{"to":"Running"}`).Status == http.StatusOK
	})
}

// A node joins by the name of SRV records. The name is looked up again until it leads to
// members; before they have added the node they do not tell their numbers, and a record
// may lead nowhere, or to this node.
func TestNodeJoinsByName(t *testing.T) {
	c := startCluster(t, 3, fast)
	var looks atomic.Int32
	var log lockedBuffer
	address := tcptest.Address(t)
	record := func(address string) *net.SRV {
		host, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		number, err := strconv.ParseUint(port, 10, 16)
		require.NoError(t, err)
		return &net.SRV{Target: host + ".", Port: uint16(number)}
	}
	c.startJoining(4, []node.ID{1}, func(cfg *server.Config) {
		cfg.Peers, cfg.JoinName, cfg.Listen = map[node.ID]string{4: address}, "_lockstep._tcp.example.org", address
		cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		cfg.LookupSRV = func(_ context.Context, name string) ([]*net.SRV, error) {
			require.Equal(t, "_lockstep._tcp.example.org", name)
			if looks.Add(1) == 1 {
				return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
			}
			return []*net.SRV{record("127.0.0.1:1"), record(address), record(c.address(2)), record(c.address(3))}, nil
		}
	})
	require.True(t, c.nodes[4].WaitsToBeAdded())
	eventually(t, "it has asked members that are still to add it", func() bool { return strings.Contains(log.String(), "a node that is still to add this one") })
	require.Contains(t, log.String(), "no SRV records (lookup _lockstep._tcp.example.org: no such host): give _lockstep._tcp.example.org one for each member")
	c.change(1, fmt.Sprintf(`{"change":"add","node":4,"address":%q}`, address))
	c.awaitMembers("1 voter, 2 voter, 3 voter, 4 voter", 1, 2, 3, 4)
	require.NotContains(t, log.String(), "level=ERROR")
	require.Equal(t, http.StatusOK, c.propose(4, "lifecycle/web", `{"to":"Running"}`).Status)
	asked := looks.Load()
	c.stop(4)
	c.start(4) // its log has the members
	c.awaitMembers("1 voter, 2 voter, 3 voter, 4 voter", 4)
	require.LessOrEqual(t, looks.Load(), asked+1)
	cfg := *c.configs[1]
	cfg.JoinName = "example.org"
	require.ErrorContains(t, cfg.Validate(), "only a node that is to be added looks for members")
}

// A node that was away when it was removed is refused when it comes back: at once, or when
// the others have forgotten its address. A majority's word ends it, also in its next life, and
// the others go on.
func TestNodeThatWasRemovedWhileItWasAway(t *testing.T) {
	c := startCluster(t, 3, fast)
	c.stop(3)
	c.change(1, `{"change":"remove","node":3}`)
	c.awaitMembers("1 voter, 2 voter", 1, 2)
	for id := node.ID(1); id <= 2; id++ {
		c.stop(id) // so that it has no connection of node 3 in a time of grace
		c.start(id)
	}
	c.awaitMembers("1 voter, 2 voter", 1, 2)
	c.stop(2)
	c.start(3)
	eventually(t, "node 1 refuses node 3", func() bool {
		return slices.ContainsFunc(c.nodes[3].Status().Peers, func(p httpapi.PeerStatus) bool {
			return p.Node == 1 && strings.Contains(p.Error, "this node was removed from the members")
		})
	})
	select {
	case <-c.nodes[3].Done():
		t.Fatal("node 3 has ended by the word of one: ", c.nodes[3].Err())
	case <-time.After(500 * time.Millisecond):
	}
	c.start(2)
	eventually(t, "node 3 ends", func() bool {
		select {
		case <-c.nodes[3].Done():
			return errors.Is(c.nodes[3].Err(), member.ErrRemoved)
		default:
			return false
		}
	})
	err := startRefused(t, *c.configs[3])
	require.ErrorIs(t, err, member.ErrRemoved)
	require.ErrorContains(t, err, "node 3 was removed, and an id is not used again (the members that formed the cluster were the last that it knew)")
	require.Equal(t, http.StatusOK, c.propose(2, "lifecycle/web", `{"to":"Running"}`).Status)
}

// A node tells clients the address at which it serves them, or the one that it was given
// for that. An address that stands for all interfaces of a host is of no use to others.
func TestEndpointsThatNodesTell(t *testing.T) {
	c := startCluster(t, 1, func(cfg *server.Config) { cfg.Advertise = "db1.example:8001" })
	require.Equal(t, "db1.example:8001", c.nodes[1].Members().Members[0].Endpoint)
	c.stop(1)
	cfg := c.configs[1]
	cfg.Advertise, cfg.HTTP, cfg.Insecure = "", "0.0.0.0:0", true
	c.start(1)
	require.Empty(t, c.nodes[1].Members().Members[0].Endpoint)
	cfg.Advertise = "db1.example"
	require.ErrorContains(t, cfg.Validate(), "want HOST:PORT")
}

// A change that cannot be made is refused, with the reason and the remedy.
func TestChangesThatAreRefused(t *testing.T) {
	c := startCluster(t, 1)
	for body, want := range map[string]struct {
		status int
		text   string
	}{
		`{"change":"remove","node":1}`:                                              {http.StatusConflict, "add another one first"},
		`{"change":"remove","node":9}`:                                              {http.StatusConflict, "the members are 1"},
		`{"change":"add","node":1,"address":"127.0.0.1:7001"}`:                      {http.StatusConflict, "take one above 1"},
		`{"change":"abandon"}`:                                                      {http.StatusConflict, "no change is under way"},
		`{"change":"grow","node":2}`:                                                {http.StatusBadRequest, "want add, remove, promote, replace, move or abandon"},
		`{"change":"add","address":"127.0.0.1:7002"}`:                               {http.StatusBadRequest, "node: missing"},
		`{"change":"add","node":2}`:                                                 {http.StatusBadRequest, "want HOST:PORT"},
		`{"change":"add","node":2,"address":"127.0.0.1"}`:                           {http.StatusBadRequest, "want HOST:PORT"},
		`{"change":"add","node":2,"address":"h:1","replaces":1}`:                    {http.StatusBadRequest, "replaces: add has none"},
		`{"change":"replace","node":2,"address":"h:1"}`:                             {http.StatusBadRequest, "replaces: missing"},
		`{"change":"remove","node":1,"address":"h:1"}`:                              {http.StatusBadRequest, "address: remove has none"},
		`{"change":"replace","node":2,"replaces":1,"address":"h:1","learner":true}`: {http.StatusBadRequest, "learner: replace has none"},
		`{"change":"add","node":2,"address":"h:1","adress":"h:1"}`:                  {http.StatusBadRequest, "unknown field"},
		`{"change":"add","node":-2,"address":"h:1"}`:                                {http.StatusBadRequest, "cannot unmarshal"},
	} {
		got := c.request(1, "POST", "/v1/members", body)
		require.Equal(t, want.status, got.Status, body)
		require.Contains(t, got.Detail, want.text, body)
	}
	require.Equal(t, "1 voter", roles(c.nodes[1].Members()))
}
