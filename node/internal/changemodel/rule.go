package changemodel

// Rule is a rule of the protocol, to be left out.
type Rule uint8

// The rules.
const (
	None                   Rule = iota // no rule is left out
	AdoptChosen                        // a configuration is adopted when it is chosen
	AdoptDurably                       // a configuration is durable before a node acknowledges in it
	FenceAcceptors                     // an acceptor acknowledges rounds of its own configuration alone
	FenceReads                         // so do the nodes that report for a read
	MembersVote                        // a learner's vote does not count
	RemovedDoNotVote                   // nor does a removed member's
	JointFirst                         // the new members do not follow the old ones at once
	BothPromise                        // in a joint configuration both majorities promise
	OldAcceptJointly                   // a majority of the old members accepts in it
	NewAcceptJointly                   // a majority of the new members accepts in it
	BothChooseAfter                    // the configuration after is chosen by both majorities
	ReadBoth                           // a read in a joint configuration hears both majorities
	CarryOver                          // the keys of the listing are chosen again, jointly, before the configuration after is proposed
	ListMajority                       // the listing is of a majority of the old members, not of one
	ListOldMembers                     // the listing is of the old members, not the new
	ListInJoint                        // a node lists when it has adopted the joint configuration
	CarryJointly                       // a key counts as carried over if it was chosen in the joint configuration, not before it
	AbandonByMajority                  // a majority of the old members abandons a change, not one of them
	AbandonByRound                     // a change is abandoned by a round, not by a decision beside it
	ReproposeConfiguration             // a round of the configuration proposes the value that its promises show
	DropCache                          // a proposer promises itself nothing across a change: it prepares again
	rules
)

// Rules lists all rules.
func Rules() (all []Rule) {
	for r := AdoptChosen; r < rules; r++ {
		all = append(all, r)
	}
	return all
}

var ruleNames = [rules]string{
	"none", "adopt chosen", "adopt durably", "fence acceptors", "fence reads", "members vote", "removed do not vote", "joint first",
	"both promise", "old accept jointly", "new accept jointly", "both choose after", "read both",
	"carry over", "list majority", "list old members", "list in joint", "carry jointly",
	"abandon by majority", "abandon by round", "repropose configuration", "drop cache",
}

func (r Rule) String() string { return ruleNames[r] }

// holds reports whether a rule is not left out.
func (m *model) holds(r Rule) bool { return m.without != r }
