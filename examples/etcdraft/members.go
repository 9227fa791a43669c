package etcdraft

import (
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// proposeMembers has the leader change the members when it has applied certain entries:
// one voter after the other becomes a learner, and half of the time later a voter again.
// A proposal may be lost; then a learner stays one for longer.
func (n *node) proposeMembers(index uint64) {
	every := n.config.reconfigureEvery
	if every == 0 || !n.leads() {
		return
	}
	switch learners := n.members.GetLearners(); {
	case index%every == 0 && len(learners) == 0:
		if next := n.config.members[index/every%uint64(len(n.config.members))]; next != uint64(n.id) {
			n.proposeChange(pb.ConfChangeAddLearnerNode, next)
		}
	case index%every == every/2 && len(learners) > 0:
		n.proposeChange(pb.ConfChangeAddNode, learners[0])
	}
}

// proposeChange proposes a change; the error is that the leader takes no proposals now.
func (n *node) proposeChange(kind pb.ConfChangeType, id uint64) {
	_ = n.raw.ProposeConfChange(&pb.ConfChange{Type: &kind, NodeId: &id})
}

// changeMembers applies a change.
func (n *node) changeMembers(data []byte) {
	change := &pb.ConfChange{}
	must(proto.Unmarshal(data, change))
	n.members = n.raw.ApplyConfChange(change)
	if change.GetType() == pb.ConfChangeAddLearnerNode {
		n.config.marks.hit(learnerAdded)
	} else {
		n.config.marks.hit(learnerPromoted)
	}
}
