package netmodel

import "github.com/lockstep-dst/lockstep/netmodel/keyed"

// purpose is the purpose of a random choice about a message. Each purpose hashes
// its own word, so that the choices are independent. The words are part of the
// meaning of every stored plan: add to them, but do not renumber.
type purpose uint64

const (
	forDrop purpose = iota + 1
	forDelay
	forDuplicate
	forCopyDelay
	forReorder
	forReorderDelay
	forBurst // of a link, with the word of the link in the place of the word of a message
	forBurstDrop
	forCorrupt
	forReset
	forBreak
)

// maxReorderDelay is the longest extra delay of a reordered message, in typical
// delays of the link.
const maxReorderDelay = 4

// Judge returns the verdict on the message with this fate key, sent over l at
// now. The verdict depends on the seed, l, fate, the occurrence (each call for l
// and fate counts as one, for any verdict), and l's profile, cuts, refusals,
// connection and overrides. With a burst in the profile it depends on now, and
// the time of arrival on l's earlier messages.
//
// A message arrives no earlier than any sent before it on the same link; the
// caller keeps the order of sending among arrivals at one instant. A reordered
// message is exempt: it waits for none before it, none after waits for it, and it
// takes an extra delay, uniform up to four typical delays of the link (constant:
// Min, uniform: the middle, else Min + Mean), that Max does not limit. On a link
// that has no delay nothing can be overtaken.
//
// A copy is exempt from the order too. It arrives a delay of its own after the
// message.
//
// A message sent over a cut link is dropped. For a message in flight when the cut
// comes, see Arrive. If the verdict is that the connection ends with the message,
// or breaks behind it, the caller must Reset the link then. A message from a process to itself arrives
// at now.
func (n *Network) Judge(now Duration, l Link, fate uint64) Verdict {
	s := n.link(l)
	v := Verdict{Key: keyed.Mix(l.word(), fate), Connection: s.connection}
	v.Occurrence = n.seen.next(v.Key)
	switch {
	case l.self():
		v.At = now
		return v
	case s.refusals > 0:
		v.Fate, v.Cause = Drop, Refused
		return v
	case s.cuts > 0:
		v.Fate, v.Cause = Drop, CutOff
		return v
	case s.overridden:
		if o, found := n.overrides[address{fate, v.Occurrence, l}]; found {
			o.apply(now, &v)
			return v
		}
	}
	k := n.seed.Word(v.Key).Word(uint64(v.Occurrence))
	if b := &s.profile.Burst; b.Chance != 0 && b.bad(now, n.seed.Word(l.word())) && b.Drop.at(k, forBurstDrop) {
		v.Fate, v.Cause = Drop, BurstLoss
		return v
	}
	s.decide(now, k, &v)
	return v
}

// decide writes the verdict by the link's profile into v, with the choices at k.
func (s *link) decide(now Duration, k keyed.Key, v *Verdict) {
	p := s.profile
	if p.Drop.at(k, forDrop) {
		v.Fate, v.Cause = Drop, Loss
		return
	}
	delay := p.Delay.At(k.Word(uint64(forDelay)))
	v.At = now + delay
	if p.Delay.Kind != Constant {
		v.Late = delay > 2*p.Delay.typical()
	}
	switch {
	case p.Corrupt.at(k, forCorrupt):
		v.Fate, v.Cause = Drop, Corrupted
	case p.Reset.at(k, forReset):
		v.Fate, v.Cause = Drop, ConnectionReset
	case p.Reorder.at(k, forReorder):
		v.Reordered = true
		v.At += p.Delay.reorderDelay(k)
	}
	if !v.Reordered {
		s.keepOrder(p.Gap, v)
	}
	if v.Fate == Drop {
		return
	}
	v.Breaks = p.Break.at(k, forBreak)
	if p.Duplicate.at(k, forDuplicate) {
		v.Duplicate = true
		v.CopyAt = v.At + p.Delay.At(k.Word(uint64(forCopyDelay)))
	}
}

// keepOrder delays a message until after the arrival of all earlier ones in
// order, and by gap.
func (s *link) keepOrder(gap Duration, v *Verdict) {
	if least := s.lastArrival + gap; gap != 0 && s.lastArrival != 0 && v.At < least {
		v.At, v.Queued = least, true
	}
	v.At = max(v.At, s.lastArrival)
	s.lastArrival = v.At
}

// reorderDelay returns the extra delay of a reordered message.
func (d Delay) reorderDelay(k keyed.Key) Duration {
	most := uint64(maxReorderDelay * d.typical())
	return Duration(k.Word(uint64(forReorderDelay)).Below(most + 1))
}
