package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/member"
)

// A warning is logged once in a while, with the number of its repetitions; others are their
// own, and the memory of them is bounded.
func TestRepeatedNotices(t *testing.T) {
	var r repeatedNotices
	began := time.Now()
	first, other := member.Notice{Level: member.Warn, Peer: 2, Text: "refused"}, member.Notice{Level: member.Warn, Peer: 3, Text: "refused"}
	for _, x := range []struct {
		n          member.Notice
		after      time.Duration
		suppressed int
		ok         bool
	}{
		{first, 0, 0, true},
		{first, 1, 0, false},
		{other, 1, 0, true},
		{first, noticeInterval - 1, 0, false},
		{first, noticeInterval, 2, true},
		{first, noticeInterval + 1, 0, false},
		{other, noticeInterval + 1, 0, true},
	} {
		suppressed, ok := r.pass(x.n, began.Add(x.after))
		require.Equal(t, x.suppressed, suppressed, "%+v", x)
		require.Equal(t, x.ok, ok, "%+v", x)
	}
	for i := range 10 * maxRepeated {
		r.pass(member.Notice{Level: member.Warn, Peer: 2, Text: time.Duration(i).String()}, began)
	}
	require.LessOrEqual(t, len(r.logged), maxRepeated)
}
