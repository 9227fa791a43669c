package configuration_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/op"
)

// formed is a configuration of three voters that has no addresses, as of members that formed
// the cluster, and of a learner.
func formed() *configuration.Configuration {
	c := &configuration.Configuration{Epoch: 2, Voters: []op.NodeID{1, 2, 3}, LastID: 4}
	for id := op.NodeID(1); id <= 4; id++ {
		c.Members = append(c.Members, configuration.Member{ID: id, Incarnation: configuration.Incarnation{byte(id)}})
	}
	c.Members[3].Address = "four:7001"
	return c
}

// A change takes the addresses along that the asked node knows, of members that have none.
// An address that the configuration has stays, and a change of one member is still one.
func TestChangesTakeAddressesAlong(t *testing.T) {
	known := map[op.NodeID]string{1: "one:7001", 3: "three:7001", 4: "elsewhere:7001", 5: "five:7001", 9: "nine:7001"}
	for name, c := range map[string]struct {
		change configuration.Change
		want   string
	}{
		"add":     {configuration.Change{Kind: configuration.Add, ID: 5, Address: "new:7001"}, "1 one:7001, 2 , 3 three:7001, 4 four:7001, 5 new:7001"},
		"remove":  {configuration.Change{Kind: configuration.Remove, ID: 4}, "1 one:7001, 2 , 3 three:7001"},
		"promote": {configuration.Change{Kind: configuration.Promote, ID: 4}, "1 one:7001, 2 , 3 three:7001, 4 four:7001"},
		"move":    {configuration.Change{Kind: configuration.Move, ID: 3, Address: "moved:7001"}, "1 one:7001, 2 , 3 moved:7001, 4 four:7001"},
	} {
		t.Run(name, func(t *testing.T) {
			before := formed()
			c.change.Addresses = known
			after, err := before.Apply(c.change)
			require.NoError(t, err)
			require.Equal(t, c.want, addresses(after))
			require.NoError(t, after.CheckFollows(before))
			require.Equal(t, "1 , 2 , 3 , 4 four:7001", addresses(before), "a configuration is immutable")
		})
	}
}

// No two members have one address, but a new one may have that of the member it replaces. No
// id is above the ones of members.
func TestChangesRefused(t *testing.T) {
	last := formed()
	last.LastID = configuration.MaxID
	known := map[op.NodeID]string{1: "one:7001"}
	for name, c := range map[string]struct {
		before *configuration.Configuration
		change configuration.Change
		want   string
	}{
		"of a member":        {formed(), configuration.Change{Kind: configuration.Add, ID: 5, Address: "four:7001"}, "four:7001 is the address of node 4: every node has its own"},
		"of a founder":       {formed(), configuration.Change{Kind: configuration.Add, ID: 5, Address: "one:7001"}, "one:7001 is the address of node 1"},
		"of a member, moved": {formed(), configuration.Change{Kind: configuration.Move, ID: 2, Address: "one:7001"}, "one:7001 is the address of node 1"},
		"of another, though": {formed(), configuration.Change{Kind: configuration.Add, ID: 5, Address: "four:7001", Replaces: 1}, "four:7001 is the address of node 4"},
		"of the replaced":    {formed(), configuration.Change{Kind: configuration.Add, ID: 5, Address: "one:7001", Replaces: 1}, ""},
		"its own":            {formed(), configuration.Change{Kind: configuration.Move, ID: 4, Address: "four:7001"}, ""},
		"a high id":          {formed(), configuration.Change{Kind: configuration.Add, ID: 1024, Address: "five:7001"}, "ids go up to 1023: take one of 5 to 1023"},
		"no id left":         {last, configuration.Change{Kind: configuration.Add, ID: 1024, Address: "five:7001"}, "1023 was the last one that there can be: back the cluster up"},
	} {
		t.Run(name, func(t *testing.T) {
			c.change.Addresses = known
			_, err := c.before.Apply(c.change)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, configuration.ErrChange)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func addresses(c *configuration.Configuration) string {
	var all []string
	for i := range c.Members {
		all = append(all, fmt.Sprintf("%d %s", c.Members[i].ID, c.Members[i].Address))
	}
	return strings.Join(all, ", ")
}

// An address that is too long for a configuration refuses the change that would take it along.
func TestAddressesThatAreTooLong(t *testing.T) {
	_, err := formed().Apply(configuration.Change{
		Kind: configuration.Remove, ID: 4, Addresses: map[op.NodeID]string{2: strings.Repeat("a", configuration.MaxAddress+1)},
	})
	require.ErrorIs(t, err, configuration.ErrChange)
	require.ErrorContains(t, err, "member 2: address of 256 bytes: want at most 255")
}

// A member that has an address gets another one by a change of its own, and beside no other.
func TestAddressesThatAreOverwritten(t *testing.T) {
	before := formed()
	after, err := before.Apply(configuration.Change{Kind: configuration.Add, ID: 5, Address: "five:7001"})
	require.NoError(t, err)
	after.Members[3].Address = "elsewhere:7001"
	require.ErrorIs(t, after.CheckFollows(before), configuration.ErrFollows)
}

// Whatever change is begun may follow: else its proposal would be repeated in vain.
func TestChangesThatAreBegunMayFollow(t *testing.T) {
	stable := formed()
	joint, err := stable.Apply(configuration.Change{Kind: configuration.Remove, ID: 2})
	require.NoError(t, err)
	begun := 0
	for _, before := range []*configuration.Configuration{stable, joint} {
		for kind := configuration.Add; kind <= configuration.Move; kind++ {
			for id := op.NodeID(0); id <= 5; id++ {
				for replaces := op.NodeID(0); replaces <= 4; replaces++ {
					x := configuration.Change{Kind: kind, ID: id, Replaces: replaces, Address: "new:7001", Addresses: map[op.NodeID]string{1: "one:7001"}}
					after, err := before.Apply(x)
					if err != nil {
						require.ErrorIs(t, err, configuration.ErrChange)
						continue
					}
					begun++
					require.True(t, configuration.Follows(before.Text(), after.Text()), "%v, by %+v: %v", before, x, after.CheckFollows(before))
				}
			}
		}
	}
	require.Greater(t, begun, 20)
}

// An eighth voter is refused when it is asked for: its joint epoch could not begin.
func TestAnEighthVoter(t *testing.T) {
	c := &configuration.Configuration{Epoch: 2, LastID: 7}
	for id := op.NodeID(1); id <= configuration.MaxVoters; id++ {
		c.Voters = append(c.Voters, id)
		c.Members = append(c.Members, configuration.Member{ID: id, Incarnation: configuration.Incarnation{byte(id)}})
	}
	const want = "there are 7 voters, the most that there can be: have it replace one, or remove one first"
	_, err := c.Apply(configuration.Change{Kind: configuration.Add, ID: 8, Promote: true})
	require.ErrorIs(t, err, configuration.ErrChange)
	require.ErrorContains(t, err, want)
	_, err = c.Apply(configuration.Change{Kind: configuration.Add, ID: 8, Promote: true, Replaces: 3})
	require.NoError(t, err)

	learns, err := c.Apply(configuration.Change{Kind: configuration.Add, ID: 8})
	require.NoError(t, err)
	_, err = learns.Apply(configuration.Change{Kind: configuration.Promote, ID: 8})
	require.ErrorContains(t, err, want)
	_, err = learns.Apply(configuration.Change{Kind: configuration.Promote, ID: 8, Replaces: 3})
	require.NoError(t, err)
	_, err = learns.Apply(configuration.Change{Kind: configuration.Promote, ID: 7})
	require.ErrorContains(t, err, "it has a vote already")
}
