package lockstep

import (
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// traffic is what one life of a node has received and sent.
// It is counted outside of the node, so that the oracle can hold the node to it.
type traffic struct {
	received, sent [len(messageKinds)]int // messages of other nodes, and to other nodes
	wants          int                    // values that the received repair requests ask for
	chosen         int                    // rounds of the node that have succeeded
	appended       uint64                 // node.Use.Appended, as of the last check
	copied         uint64                 // node.Use.Copied, likewise
	logged         bool                   // there was a check
	now            scenarios.Duration     // of the last step; all times are of the node's clock
	nothingWaited  scenarios.Duration     // last time at which no message waited for a sync
	heardThen      int                    // heard at that time
	logEnd         wal.LSN                // as of the last check
	mostBacklog    uint64                 // most bytes of the log that were not durable at the end of a step
	repair         repairTraffic
	asked          [scenarios.MaxNodes + 1]repairAsked // by id of the peer
	disk           wal.Dir
	created        string // the file that was created last, or that a file was last renamed to

	node node.Config // the limits of the node
}

// Kinds of messages: indexes of messageKinds.
const (
	kindPrepare       = 1
	kindAccept        = 2
	kindFirstResponse = 3 // acknowledgments and rejects of both phases
	kindLastResponse  = 6
	kindCommit        = 7
	kindReadRequest   = 8
	kindReadReport    = 9
	kindRequest       = 10
	kindReply         = 11
	kindRepairRequest = 12
	kindRepairReport  = 13
	kindRepairValue   = 14
)

// repairTraffic is the last repair request of a life, and what came of it.
type repairTraffic struct {
	exchange node.ReadID        // zero: there was none
	peer     sim.ID             // that it was sent to
	heard    int                // see traffic.heard; at earliest
	life     uint64             // of the peer that sends values
	bytes    uint64             // received before its report and with it: a lower bound
	report   scenarios.Duration // when its report came; 0: none did
	earliest scenarios.Duration // lower bound of the time at which the node has decided to send it
	hurried  bool               // it was sent before that
	unpaced  bool               // it was sent before the rate permits
}

// beginStep begins the counts of a step at a local time.
func (t *traffic) beginStep(now scenarios.Duration) { t.now = now }

// endStep notes whether messages wait for a sync at the end of a step.
func (t *traffic) endStep(u *node.Use) {
	if u.Unsent == 0 {
		t.nothingWaited, t.heardThen = t.now, t.heard()
	}
	t.mostBacklog = max(t.mostBacklog, u.Backlog)
}

// heard counts the messages of repair after which a node may begin an exchange at once.
func (t *traffic) heard() int { return t.received[kindRepairReport] + t.received[kindRepairRequest] }

// noteReceived counts a message of another node.
func (p *process) noteReceived(now scenarios.Duration, from sim.ID, e *envelope) {
	t := &p.traffic
	t.received[e.kind()]++
	r := &t.repair
	switch m := e.Message.(type) {
	case *node.Reject:
		p.run.oracle.forNode(now, p.id).noteAsked(from, m)
		if p.member.Admits(node.ID(from), e.life) {
			p.rejects = append(p.rejects, receivedReject{node.ID(from), e.life, m})
		}
	case *node.RepairRequest:
		t.wants += len(m.Wants)
		p.noteAsked(from, m)
	case *node.RepairValue:
		if from == r.peer && r.report == 0 && p.member.Admits(node.ID(from), e.life) {
			if r.life != e.life {
				r.life, r.bytes = e.life, 0
			}
			r.bytes += leastBytes(m)
		}
	case *node.RepairReport:
		if m.Exchange == r.exchange && from == r.peer && r.report == 0 {
			r.report = now
			for i := range m.Items {
				r.bytes += uint64(len(m.Items[i].Key))
			}
		}
	}
}

// receivedReject is a rejection that a life of a peer has sent.
type receivedReject struct {
	from   node.ID
	life   uint64
	reject *node.Reject
}

// noteRejects tells the oracle of the rejections that the node took in its last step. A
// life that is admitted before and after a step is admitted throughout.
func (p *process) noteRejects(now scenarios.Duration) {
	for i := range p.rejects {
		if r := &p.rejects[i]; p.member.Admits(r.from, r.life) {
			p.run.oracle.forNode(now, p.id).noteRejected(r.reject)
		}
	}
	p.rejects = p.rejects[:0]
}

// checkLengthens: a node allocates bytes of new files only. The header of a segment states
// the length that the file was made with: by that a loss of its end is found.
func (p *process) checkLengthens(r *wal.DiskRequest) {
	switch r.Op {
	case wal.Create:
		p.traffic.created = r.File
	case wal.Rename:
		p.traffic.created = r.To
	case wal.Allocate:
		if r.File != p.traffic.created {
			p.breach("durability", "lengthened", "", "makes the file %s %d bytes long, which was there before: nothing would show the loss of its end", r.File, r.Offset)
		}
	}
}

// leastBytes is less than what a value takes on the wire: the bytes of its strings.
func leastBytes(m *node.RepairValue) uint64 {
	n := len(m.Key)
	if m.Value != nil {
		for i := range m.Value.Window {
			e := &m.Value.Window[i]
			n += len(e.ID) + len(e.To)
		}
	}
	return uint64(n)
}

// noteSent counts a message to another node.
func (p *process) noteSent(now scenarios.Duration, to node.ID, e *envelope) {
	t := &p.traffic
	t.sent[e.kind()]++
	switch m := e.Message.(type) {
	case *node.RepairRequest:
		p.noteRepairRequest(now, sim.ID(to), m)
	case *node.RepairValue:
		a := &t.asked[to]
		a.sent = append(a.sent, m.Key)
	case *node.RepairReport:
		p.checkAnswered(sim.ID(to), m)
	case *member.Introduction:
		p.checkLifeEnds(m)
	}
}

// noteRepairRequest compares a repair request with the one before. The next one is sent
// after a report, after a request that shows the peer's digest, or when the node has
// waited for RepairDelay. The wait begins when it decides to send, and not when a sync
// permits to. An exchange goes on when the rate permits the bytes received.
func (p *process) noteRepairRequest(now scenarios.Duration, to sim.ID, m *node.RepairRequest) {
	t := &p.traffic
	was := t.repair
	r := repairTraffic{
		exchange: m.Exchange, peer: to, heard: t.heardThen,
	}
	r.earliest = t.nothingWaited
	if was.exchange != (node.ReadID{}) {
		if was.heard == t.heard() {
			r.earliest = max(r.earliest, was.earliest+scenarios.Duration(t.node.RepairDelay))
			r.hurried = now < r.earliest
		}
		pace := time.Duration(was.bytes) * time.Second / time.Duration(t.node.RepairRate)
		r.unpaced = to == was.peer && was.report != 0 && len(m.Ranges)+len(m.Wants) > 0 && now-was.report < scenarios.Duration(pace)
	}
	t.repair = r
}

// unasked names the kind of messages of which more were sent than there was reason for;
// empty: none. others is the number of other nodes.
func (t *traffic) unasked(others int) (kind string, sent, most int) {
	s, r := &t.sent, &t.received
	responses, proposals := s[kindFirstResponse], r[kindPrepare]+r[kindAccept]+r[kindCommit] // a commit without a value may be rejected
	commits := others*t.chosen + r[kindLastResponse]
	for _, n := range s[kindFirstResponse+1 : kindLastResponse+1] {
		responses += n
	}
	switch {
	case responses > proposals:
		return "responses to proposals and commits", responses, proposals
	case s[kindReadReport] > r[kindReadRequest]:
		return "read reports", s[kindReadReport], r[kindReadRequest]
	case s[kindReply] > r[kindRequest]:
		return "replies to nodes", s[kindReply], r[kindRequest]
	case s[kindRepairReport] > r[kindRepairRequest]:
		return "repair reports", s[kindRepairReport], r[kindRepairRequest]
	case s[kindRepairValue] > t.wants:
		return "repair values", s[kindRepairValue], t.wants
	case s[kindCommit] > commits:
		return "commits", s[kindCommit], commits
	}
	return "", 0, 0
}
