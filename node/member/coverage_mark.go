package member

// Mark is a coverage mark of a member, as node.Mark is of a node.
type Mark uint8

// The coverage marks.
const (
	MarkLifeAdmitted            Mark = iota // messages of a peer's life are accepted from now on
	MarkMessageNotAdmitted                  // a message came from a life that is not admitted, or while this member is not ready
	MarkProofRequested                      // a peer has to show a remembered life
	MarkStaleIntroduction                   // an introduction of an earlier life came late
	MarkPeerRejected                        // a peer's log lacks its promises
	MarkPeerRejectedOnTestimony             // ... on another member's testimony
	MarkAbstained                           // a peer disputes this member's log
	MarkClientRejected                      // a client's request was rejected while abstaining
	MarkClusterBound                        // the member was bound to a cluster
	MarkClusterFormed                       // the cluster is formed, durably
	MarkClusterJoined                       // the member learnt from others that it is formed
	MarkConfigurationProposed               // the member proposed a configuration
	MarkConfigurationSettled                // ... or had a round find out whether one was chosen
	MarkConfigurationTold                   // the member learnt from a peer's introduction of a later configuration
	MarkConfigurationAdopted                // the member goes on in a later epoch
	MarkJoinedConfiguration                 // the member was added to a cluster with its empty log
	MarkToldRemoved                         // a majority of the voters refuses the member as a former one
	MarkChangeAwaitsLevel                   // a change was refused, since a peer may be of an earlier build

	markCount
)

// Marks counts the hits of each Mark.
type Marks [markCount]uint64

var markNames = [markCount]string{"life-admitted", "message-not-admitted", "proof-requested", "stale-introduction", "peer-rejected", "peer-rejected-on-testimony",
	"abstained", "client-rejected", "cluster-bound", "cluster-formed", "cluster-joined",
	"configuration-proposed", "configuration-settled", "configuration-told", "configuration-adopted", "joined-configuration", "told-removed", "change-awaits-level"}

func (m Mark) String() string { return markNames[m] }

func (m *Member) mark(mark Mark) {
	if m.cfg.Marks != nil {
		m.cfg.Marks[mark]++
	}
}
