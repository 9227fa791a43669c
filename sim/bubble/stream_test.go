package bubble

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// A sender and a receiver carry a stream over a channel that loses, repeats and
// reorders, whatever the sizes.
func TestStreamSurvivesABadChannel(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			want := make([]byte, r.IntN(5000))
			for i := range want {
				want[i] = byte(r.Uint32())
			}
			require.Equal(t, want, append([]byte{}, carry(t, r, want)...))
		})
	}
}

// carry sends data through a channel of which r decides the faults.
func carry(t *testing.T, r *rand.Rand, data []byte) (got []byte) {
	type packet struct {
		seq  uint64
		data []byte
		fin  bool
	}
	var flying []packet
	size := 1 + r.IntN(200)
	in := receiver{room: size + r.IntN(1000)}
	out := sender{buf: bytes.Clone(data), ending: true, limit: in.offer(), rto: retransmission{least: 1, most: 100}}
	now := sim.Duration(0)
	for rounds := 0; !in.ended || !out.ended; rounds++ {
		require.Less(t, rounds, 100_000, "no end: %+v", out)
		now++
		if seq, data, fin, ok := out.take(now, size); ok {
			flying = append(flying, packet{seq, data, fin})
		} else if out.outstanding() {
			out.timeout()
			seq, data, fin := out.again(size)
			flying = append(flying, packet{seq, data, fin})
		} else {
			out.acknowledge(now, in.next, in.offer()) // a probe, and its answer
		}
		for len(flying) > 0 && r.IntN(3) > 0 {
			i := r.IntN(len(flying))
			p := flying[i]
			if r.IntN(4) > 0 {
				flying = append(flying[:i], flying[i+1:]...)
			}
			if r.IntN(4) > 0 {
				in.take(p.seq, p.data, p.fin)
			}
			require.LessOrEqual(t, len(in.buf), in.room)
			if r.IntN(3) > 0 {
				out.acknowledge(now, in.next, in.offer())
			}
		}
		piece := make([]byte, r.IntN(300))
		got = append(got, piece[:in.read(piece)]...)
	}
	rest := make([]byte, in.room)
	return append(got, rest[:in.read(rest)]...)
}

// A receiver takes no more than it has room for, and says when it has room again.
func TestReceiversHaveLimits(t *testing.T) {
	r := receiver{room: 4}
	require.EqualValues(t, 4, r.offer())
	r.take(0, []byte("abcdef"), true)
	require.Equal(t, "abcd", string(r.buf))
	require.EqualValues(t, 0, r.offer())
	require.False(t, r.reopened(2))
	r.read(make([]byte, 1))
	require.False(t, r.reopened(2), "not for a single byte")
	r.read(make([]byte, 1))
	require.True(t, r.reopened(2))
	r.take(4, []byte("ef"), true)
	require.True(t, r.ended)
}

// The timeout follows the measured round trip, doubles while nothing is measured, and
// keeps its bounds.
func TestRetransmissionTimeout(t *testing.T) {
	const ms = netmodel.Millisecond
	r := retransmission{least: 200 * ms, most: 10 * netmodel.Second}
	require.Equal(t, netmodel.Second, r.timeout(), "nothing measured")
	r.backOff()
	r.backOff()
	require.Equal(t, 4*netmodel.Second, r.timeout())
	for range 100 {
		r.backOff()
	}
	require.Equal(t, 10*netmodel.Second, r.timeout())
	r.sample(100 * ms)
	require.Equal(t, 300*ms, r.timeout(), "100ms + 4 times 50ms")
	for range 50 {
		r.sample(100 * ms)
	}
	require.Equal(t, 200*ms, r.timeout(), "no less than the bound")
}

// A segment that was sent twice measures no round trip: its acknowledgement may be
// of either.
func TestRepeatedSegmentsMeasureNothing(t *testing.T) {
	s := sender{buf: []byte("abc"), limit: 10, rto: retransmission{least: 1, most: netmodel.Minute}}
	s.take(0, 3)
	s.timeout()
	s.again(3)
	progress, resend := s.acknowledge(5, 3, 10)
	require.True(t, progress)
	require.False(t, resend)
	require.Zero(t, s.rto.smooth)
	require.EqualValues(t, 1, s.rto.backoff, "the doubled timeout stays")
}

// Segments are told apart by their digests, and a segment that is sent again has the
// fate key of the first one.
func TestSegments(t *testing.T) {
	name := newStreamName(101, 1, 3)
	first := segment{kind: segmentData, stream: name, from: 1, to: 2, seq: 4096, ack: 7, window: 10, data: []byte("x")}
	again := first
	again.ack = 9
	require.Equal(t, first.FateKey(), again.FateKey())
	require.NotEqual(t, first.Digest(), again.Digest())
	require.Equal(t, "data 101.1.3 4096", first.FateName())
	require.Equal(t, `data 101.1.3 4096+1 "x" ack 7+10`, first.String())
	long, other := first, first
	long.data, other.data = bytes.Repeat([]byte("x"), 100), append(bytes.Repeat([]byte("x"), 99), 'y')
	require.NotEqual(t, long.String(), other.String(), "traces differ where data does")
	for _, m := range []segment{
		first, {kind: segmentSyn, stream: name, port: 80}, {kind: segmentReset, stream: name},
		{kind: segmentData, stream: name, seq: 5, fin: true}, {kind: segmentAck, stream: name, ack: 5},
	} {
		require.Equal(t, sim.Address{Name: m.FateName()}.FateKey(), m.FateKey(), m.FateName())
	}
	changes := map[string]func(*segment){
		"kind": func(m *segment) { m.kind = segmentAck }, "from": func(m *segment) { m.from++ },
		"to": func(m *segment) { m.to++ }, "port": func(m *segment) { m.port++ }, "seq": func(m *segment) { m.seq++ },
		"ack": func(m *segment) { m.ack++ }, "window": func(m *segment) { m.window++ },
		"fin": func(m *segment) { m.fin = true }, "data": func(m *segment) { m.data = []byte("y") },
		"stream": func(m *segment) { m.stream = newStreamName(101, 1, 4) },
	}
	for field, change := range changes {
		other := first
		change(&other)
		require.NotEqual(t, first.Digest(), other.Digest(), field)
	}
}
