package bubble

import (
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// sender is the sending half of a stream: the bytes that the peer has not
// acknowledged, and how far they are sent. It is pure: time is an argument.
type sender struct {
	buf    []byte // the bytes from offset acked on
	acked  uint64 // the peer has everything before this offset
	next   uint64 // offset of the first byte that was never sent
	limit  uint64 // the peer has room for bytes before this offset
	ending bool   // the stream ends behind buf
	ended  bool   // the peer has acknowledged the end

	// recover is the end of everything sent when a timeout struck. Until all of it is
	// acknowledged, an acknowledgement of a part has the next segment sent again at
	// once (RFC 6582, section 3.2, partial acknowledgements).
	recover uint64
	rto     retransmission
	// timedEnd is the end of the segment that measures the round trip, 0 if there is
	// none. A segment that was sent twice measures nothing (Karn and Partridge, 1987).
	timedEnd uint64
	timedAt  sim.Duration
}

// end returns the offset behind the last byte written.
func (s *sender) end() uint64 { return s.acked + uint64(len(s.buf)) }

// endPending reports whether the end of the stream is yet to be acknowledged.
func (s *sender) endPending() bool { return s.ending && !s.ended }

// outstanding reports whether something was sent and not acknowledged.
func (s *sender) outstanding() bool { return s.acked < s.next }

// blocked reports whether bytes wait for room at the peer, and for nothing else.
func (s *sender) blocked() bool { return !s.outstanding() && s.next < s.end() }

// take returns the next piece to send for the first time, at most size bytes. ok is
// false if there is none or the peer has no room.
func (s *sender) take(now sim.Duration, size int) (seq uint64, data []byte, fin, ok bool) {
	seq = s.next
	if seq > s.end() {
		return 0, nil, false, false // all is sent, and the end too
	}
	to := min(s.end(), max(s.limit, seq), seq+uint64(size))
	fin = s.endPending() && to == s.end()
	if to == seq && !fin {
		return 0, nil, false, false
	}
	data = s.bytes(seq, to)
	s.next = to
	if fin {
		s.next++ // the end counts as one
	}
	if s.timedEnd == 0 {
		s.timedEnd, s.timedAt = s.next, now
	}
	return seq, data, fin, true
}

// again returns the first piece that is not acknowledged. Something is outstanding.
func (s *sender) again(size int) (seq uint64, data []byte, fin bool) {
	s.timedEnd = 0
	to := min(s.end(), s.next, s.acked+uint64(size))
	return s.acked, s.bytes(s.acked, to), s.endPending() && to == s.end() && s.next > s.end()
}

// bytes returns a copy of the bytes from offset from to offset to.
func (s *sender) bytes(from, to uint64) []byte {
	return append([]byte(nil), s.buf[from-s.acked:to-s.acked]...)
}

// timeout notes that the peer has not acknowledged in time.
func (s *sender) timeout() {
	s.recover = s.next
	s.rto.backOff()
}

// acknowledge takes an acknowledgement. progress reports that it covers something
// new, resend that the first piece is to be sent again at once.
func (s *sender) acknowledge(now sim.Duration, ack, window uint64) (progress, resend bool) {
	if ack < s.acked || ack > s.next {
		return false, false // an old one
	}
	s.limit = max(s.limit, ack+window)
	if ack == s.acked {
		return false, false
	}
	covered := ack - s.acked
	if covered > uint64(len(s.buf)) {
		s.ended = true
		covered--
	}
	s.buf, s.acked = s.buf[covered:], ack
	if s.timedEnd != 0 && ack >= s.timedEnd {
		s.rto.sample(now - s.timedAt)
		s.timedEnd = 0
	}
	return true, ack < s.recover && s.outstanding()
}

// retransmission is the timeout after which a segment is sent again, computed as in
// RFC 6298, section 2, from measured round trips.
type retransmission struct {
	least, most      sim.Duration // bounds
	smooth, variance sim.Duration // 0: nothing was measured yet
	backoff          uint         // doublings since the last measurement
}

// firstTimeout is the timeout before anything is measured.
const firstTimeout = netmodel.Second

// timeout returns the present timeout.
func (r *retransmission) timeout() sim.Duration {
	t := max(r.least, firstTimeout)
	if r.smooth > 0 {
		t = max(r.least, r.smooth+4*r.variance)
	}
	for range r.backoff {
		t = min(2*t, r.most)
	}
	return min(t, r.most)
}

// maxBackoff bounds retransmission.backoff: 2^32 times any timeout is beyond most.
const maxBackoff = 32

func (r *retransmission) backOff() { r.backoff = min(r.backoff+1, maxBackoff) }

// sample takes a measured round trip.
func (r *retransmission) sample(trip sim.Duration) {
	r.backoff = 0
	if r.smooth == 0 {
		r.smooth, r.variance = max(trip, 1), trip/2
		return
	}
	r.variance += (max(r.smooth-trip, trip-r.smooth) - r.variance) / 4
	r.smooth = max(r.smooth+(trip-r.smooth)/8, 1)
}
