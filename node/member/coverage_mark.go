package member

// Mark is a place in the member that a campaign should come by, as node.Mark is.
type Mark uint8

// The marks.
const (
	MarkLifeAdmitted              Mark = iota // a peer's life was introduced, and is heard
	MarkMessageBeforeIntroduction             // a message came from a life that is not
	MarkProofRequested                        // a peer was asked to show a life that is remembered
	MarkStaleIntroduction                     // an introduction of an earlier life came late
	MarkPeerRejected                          // a peer was refused: its log lacks what it promised
	MarkPeerRejectedOnTestimony               // ... as others remember, and this member does not
	MarkAbstained                             // the member was told so of its own log
	MarkClientRejected                        // a client was told that the member takes no part
	MarkClusterBound                          // a cluster was about to be formed
	MarkClusterFormed                         // and was
	MarkClusterJoined                         // by others, which told so

	markCount
)

// Marks counts how often each Mark was come by.
type Marks [markCount]uint64

var markNames = [markCount]string{"life-admitted", "message-not-admitted", "proof-requested", "stale-introduction", "peer-rejected", "peer-rejected-on-testimony",
	"abstained", "client-rejected", "cluster-bound", "cluster-formed", "cluster-joined"}

func (m Mark) String() string { return markNames[m] }

func (m *Member) mark(mark Mark) {
	if m.cfg.Marks != nil {
		m.cfg.Marks[mark]++
	}
}
