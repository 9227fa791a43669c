package etcdraft

// mark is a coverage mark: a rare situation that a campaign must come by.
type mark int

// The marks.
const (
	leaderChanged     mark = iota // a later term has a leader
	snapshotReceived              // a node goes on from the snapshot of another
	snapshotRecovered             // a node restarts from a snapshot of its own
	learnerAdded                  // a voter became a learner
	learnerPromoted               // and a voter again
	readForwarded                 // a follower asked the leader for the index of a read
	readWaited                    // a read was confirmed before its index was applied
	repeatedOperation             // an operation was proposed again after it was applied
	numMarks
)

var markNames = []string{
	"leader-changed", "snapshot-received", "snapshot-recovered", "learner-added", "learner-promoted",
	"read-forwarded", "read-waited", "repeated-operation",
}

// marks counts how often a run came by each.
type marks [numMarks]uint64

func (m *marks) hit(k mark) { m[k]++ }

// AppendMarks implements scenarios.MarkCounter.
func (m *marks) AppendMarks(list []uint64) []uint64 { return append(list, m[:]...) }
