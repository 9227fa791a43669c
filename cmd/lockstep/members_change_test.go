package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
)

// How far a change is shows in the members alone: through, overtaken by another one, or what
// it waits for.
func TestStagesOfAChange(t *testing.T) {
	stable := func(epoch uint32, members ...httpapi.Member) httpapi.Members {
		m := httpapi.Members{Epoch: epoch, Members: members}
		for _, x := range members {
			if x.Role == httpapi.Voter || x.Role == httpapi.Leaving {
				m.Voters = append(m.Voters, x.Node)
			}
		}
		return m
	}
	joint := func(m httpapi.Members, next ...node.ID) httpapi.Members {
		m.Next, m.CarryOver = next, &httpapi.CarryOver{Left: 30, Total: 40}
		return m
	}
	one, two := httpapi.Member{Node: 1, Role: httpapi.Voter, Address: "h1:1"}, httpapi.Member{Node: 2, Role: httpapi.Voter, Address: "h2:1"}
	fourth := func(role httpapi.MemberRole, promote bool) httpapi.Member {
		return httpapi.Member{Node: 4, Role: role, Promote: promote, Address: "h:4"}
	}
	add, learner := httpapi.MemberChange{Change: "add", Node: 4}, httpapi.MemberChange{Change: "add", Node: 4, Learner: true}
	remove, move := httpapi.MemberChange{Change: "remove", Node: 2}, httpapi.MemberChange{Change: "move", Node: 4, Address: "h:4"}
	const through, overtaken = "through", "overtaken"
	for name, c := range map[string]struct {
		change httpapi.MemberChange
		m      httpapi.Members
		want   string
	}{
		"not chosen yet":        {add, stable(7, one, two), "the voters choose the members of epoch 8"},
		"invited":               {add, stable(8, one, two, fourth(httpapi.Invited, true)), "node 4 has not introduced itself: start it, again if it runs, with an empty directory and --join 1=h1:1,2=h2:1"},
		"catching up":           {add, stable(9, one, two, fourth(httpapi.Learner, true)), "node 4 catches up"},
		"joint":                 {add, joint(stable(10, one, two, fourth(httpapi.Coming, true)), 1, 2, 4), "10 of 40 keys are chosen by the next voters, too (25 %)"},
		"votes":                 {add, stable(11, one, two, fourth(httpapi.Voter, false)), through},
		"another was added":     {add, stable(8, one, two, httpapi.Member{Node: 5, Role: httpapi.Invited}), overtaken},
		"abandoned":             {add, stable(9, one, two, fourth(httpapi.Learner, false)), overtaken},
		"a learner comes":       {learner, stable(8, one, two, fourth(httpapi.Invited, false)), "node 4 has not introduced itself: start it, again if it runs, with an empty directory and --join 1=h1:1,2=h2:1"},
		"a learner is there":    {learner, stable(9, one, two, fourth(httpapi.Learner, false)), through},
		"leaves":                {remove, joint(stable(8, one, httpapi.Member{Node: 2, Role: httpapi.Leaving}), 1), "10 of 40 keys are chosen by the next voters, too (25 %)"},
		"has left":              {remove, stable(9, one), through},
		"stays":                 {remove, stable(9, one, two), overtaken},
		"has moved":             {move, stable(8, one, fourth(httpapi.Voter, false)), through},
		"was removed and moved": {move, stable(8, one), overtaken},
		"taken back":            {httpapi.MemberChange{Change: "abandon"}, stable(8, one, two), through},
	} {
		t.Run(name, func(t *testing.T) {
			got := stageOf(&c.change, &c.m, 7)
			require.Equal(t, c.want == through, got.done)
			require.Equal(t, c.want == overtaken, got.overtaken)
			if !got.done && !got.overtaken {
				require.Equal(t, c.want, got.text)
			}
		})
	}
}

// One node is added at a time, with an address.
func TestParseMember(t *testing.T) {
	id, address, err := parseMember("4=db4.example:7001")
	require.NoError(t, err)
	require.EqualValues(t, 4, id)
	require.Equal(t, "db4.example:7001", address)
	_, _, err = parseMember("4=h:1,5=h:2")
	require.ErrorContains(t, err, "one node at a time")
	_, _, err = parseMember("4")
	require.ErrorContains(t, err, "want ID=HOST:PORT")
}
