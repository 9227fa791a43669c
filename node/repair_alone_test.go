package node

import (
	"slices"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// repairAlone is a node of which only the repair exists. It embeds no implementation, so
// that anything else that repair asked for would panic.
type repairAlone struct {
	repairNode
	now   time.Duration
	sent  []Send
	timer time.Duration // when it fires; zero: there is none
	full  bool          // the log has a backlog
	last  uint64
	marks Marks
}

func (n *repairAlone) clock() time.Duration                { return n.now }
func (n *repairAlone) setTimer(_ uint64, at time.Duration) { n.timer = at }
func (n *repairAlone) mark(m Mark)                         { n.marks[m]++ }
func (n *repairAlone) newReadID() ReadID                   { n.last++; return ReadID{1, 7, n.last} }
func (n *repairAlone) logEnd() wal.LSN                     { return 0 }
func (n *repairAlone) logBacklogFull() bool                { return n.full }
func (n *repairAlone) sendsWaiting() int                   { return 0 }
func (n *repairAlone) sendWhenDurable(to ID, m Message, _ wal.LSN) {
	n.sent = append(n.sent, Send{to, m})
}

// fire advances the clock to the timer, and returns the requests that follow.
func (n *repairAlone) fire(t *testing.T, r *repair) []Send {
	require.NotZero(t, n.timer, "no timer is set")
	n.now, n.timer, n.sent = n.timer, 0, nil
	r.wake()
	return n.sent
}

// A node compares digests with one peer after the other, the first after the repair delay,
// and is silent when both are equal to its own. A full log puts requests off.
func TestRepairIsSilentAmongEquals(t *testing.T) {
	n := &repairAlone{now: time.Second, full: true}
	cfg := &Config{ID: 1, Members: []ID{1, 2, 3}, RepairDelay: time.Second, RepairRate: 1 << 20}
	r := newRepair(n, cfg, new(Counters), new([]*machine))
	r.begin(7)
	require.GreaterOrEqual(t, n.timer, 2*time.Second)
	require.Empty(t, n.fire(t, &r), "the log has a backlog")
	n.full = false

	var asked []ID
	for len(asked) < 2 {
		n.fire(t, &r)
		for len(n.sent) > 0 { // a report may be followed by the next request
			s := n.sent[0]
			n.sent = n.sent[1:]
			asked = append(asked, s.To)
			req := s.Message.(*RepairRequest)
			require.Empty(t, req.Ranges, "digests are compared first")
			r.handleReport(s.To, &RepairReport{Exchange: req.Exchange, Digest: req.Digest})
		}
	}
	require.ElementsMatch(t, []ID{2, 3}, asked)
	for n.timer != 0 {
		require.Empty(t, n.fire(t, &r))
	}
	require.EqualValues(t, 2, r.counts.DigestsCompared)
}

// A node that awaits the answer of a peer which was silent before turns at once to a peer
// that compares digests and holds as much, but not from one that was not silent before.
func TestRepairTurnsToAPeerThatIsThere(t *testing.T) {
	n := &repairAlone{now: time.Second}
	cfg := &Config{ID: 1, Members: []ID{1, 2, 3}, RepairDelay: time.Second, RepairRate: 1 << 20}
	r := newRepair(n, cfg, new(Counters), new([]*machine))
	r.begin(7)
	var awaited ID
	asked := map[ID]int{}
	compare := func(id ID) []Send {
		n.sent = nil
		r.handleRequest(id, &RepairRequest{Exchange: ReadID{id, 1, n.last}, Digest: 5})
		return slices.DeleteFunc(n.sent, func(s Send) bool { _, report := s.Message.(*RepairReport); return report })
	}
	for awaited == 0 || asked[awaited] < 3 {
		for _, s := range n.fire(t, &r) {
			awaited = s.To
			asked[awaited]++
		}
		if asked[awaited] == 1 {
			require.Empty(t, compare(5-awaited), "the awaited peer has not been silent yet")
		}
	}
	require.Empty(t, compare(awaited), "its own comparison")
	sent := compare(5 - awaited)
	require.Len(t, sent, 1)
	require.Equal(t, 5-awaited, sent[0].To)
	require.EqualValues(t, 1, n.marks[MarkRepairSilentPeerLeft])
}

// Nodes 2 and 3 fall silent, after each was silent before, and answered once. Node 4 is there, holds
// more, and compares every so often: node 1 compares with it soon, and not with the two in turns.
func TestSilentPeersDoNotTakeAllTurns(t *testing.T) {
	n := &repairAlone{now: time.Second}
	cfg := &Config{ID: 1, Members: []ID{1, 2, 3, 4}, RepairDelay: time.Second, RepairRate: 1 << 20}
	r := newRepair(n, cfg, new(Counters), new([]*machine))
	r.begin(7)
	asked := map[ID]int{}
	take := func() (reqs []Send) {
		for _, s := range n.sent {
			if _, ok := s.Message.(*RepairRequest); ok {
				asked[s.To]++
				reqs = append(reqs, s)
			}
		}
		n.sent = nil
		return reqs
	}
	until := func(end time.Duration, answer map[ID]bool) {
		for n.timer != 0 && n.timer <= end {
			n.now, n.timer = n.timer, 0
			r.wake()
			for _, s := range take() {
				if answer[s.To] { // it differs, and knows nothing more
					req := s.Message.(*RepairRequest)
					r.handleReport(s.To, &RepairReport{Exchange: req.Exchange, Digest: 99, Progress: 0, RangesAnswered: uint16(len(req.Ranges))})
					take()
				}
			}
		}
		n.now = max(n.now, end)
	}
	until(600*time.Second, nil) // all are silent: node 1 is cut off
	one := map[ID]bool{2: true, 3: true}
	for !(r.peers[1].timedOut && r.peers[2].timedOut && len(one) == 0) {
		for id := range one {
			if !r.peers[id-1].timedOut { // it has answered once
				delete(one, id)
			}
		}
		until(n.now+100*time.Millisecond, one)
	}
	until(n.now+8*time.Second, nil)
	clear(asked)
	begin := n.now
	for range 100 { // every 8 s
		r.handleRequest(4, &RepairRequest{Exchange: ReadID{4, 1, n.last}, Digest: 5, Progress: 9})
		take()
		if asked[4] > 0 {
			break
		}
		until(n.now+8*time.Second, nil)
	}
	require.Less(t, n.now-begin, 64*time.Second)
}
