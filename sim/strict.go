package sim

import (
	"fmt"
	"reflect"
	"strings"
)

// CheckLevel says how closely a World checks that its processes keep the contract of
// Message. The level changes nothing in a run that keeps it.
type CheckLevel uint8

// The levels.
const (
	// CheckSample checks one message in sixteen when it arrives, and what costs
	// nothing. It is for campaigns.
	CheckSample CheckLevel = iota
	// CheckMessages checks every message when it is sent, when it arrives, and after
	// the step that took it, and later from time to time. It costs a few digests a
	// message, and a fate name for each new one.
	CheckMessages
	// CheckSteps checks all recent messages after every step, and keeps their texts,
	// to tell the step in which one changed. It is slow.
	CheckSteps
)

// maxWatched is the number of messages, the last that were sent, that are checked
// again after later steps.
const maxWatched = 256

// watchedPerStep is how many of them are checked after each step, in turn.
const watchedPerStep = 2

// strict is the state of the checks of CheckMessages and CheckSteps.
type strict struct {
	level   CheckLevel
	taken   []uint64      // the digests of the messages in the current step, as they were sent; 0: an event without one
	watched []sentMessage // a ring
	next    int           // place in watched of the next message
	cursor  int           // place in watched of the next check
}

// sentMessage is a message as it was sent.
type sentMessage struct {
	msg      Message
	digest   uint64
	from, to ID
	at       Duration
	text     string // at CheckSteps
}

func newStrict(level CheckLevel) *strict {
	if level == CheckSample {
		return nil
	}
	return &strict{level: level}
}

// checkSend checks a message that process from sends, and the digest that it has
// now.
func (w *World) checkSend(from ID, s *send, sum uint64) {
	if !reflect.TypeOf(s.msg).Comparable() {
		w.misuse(MisuseUncomparableMessage, from, "process %d sends a %T to %d, and values of that type cannot be compared: send a pointer", from, s.msg, s.to)
	}
	if again := s.msg.Digest(); again != sum {
		w.misuse(MisuseUnstableDigest, from, "process %d sends to %d: %v, whose Digest is %016x and, computed again, %016x: "+
			"a digest is a function of the content of a message, without the order of a map, an address or a time of the host", from, s.to, s.msg, sum, again)
	}
}

// checkFateName checks the name of a message whose fate the network has decided.
func (w *World) checkFateName(from, to ID, m Message) {
	name := m.FateName()
	words := strings.Fields(name)
	if len(words) != 3 || strings.Join(words, " ") != name {
		w.misuse(MisuseFateName, from, "process %d sends to %d: %v, whose FateName is %q: "+
			"want three words with one space between, as in \"proposal lifecycle/a c1.1\": kind, key, operation", from, to, m, name)
	}
	if key := FateKey(words[0], words[1], words[2]); key != m.FateKey() {
		w.misuse(MisuseFateName, from, "process %d sends to %d: %v, whose FateName is %q and whose FateKey is %016x: "+
			"want %016x, as sim.FateKey(%q, %q, %q) makes it, or no plan can name the message",
			from, to, m, name, m.FateKey(), key, words[0], words[1], words[2])
	}
}

// watch remembers a message that was sent.
func (c *strict) watch(at Duration, from, to ID, m Message, sum uint64) {
	s := sentMessage{msg: m, digest: sum, from: from, to: to, at: at}
	if c.level == CheckSteps {
		s.text = m.String()
	}
	if len(c.watched) < maxWatched {
		c.watched = append(c.watched, s)
		return
	}
	c.watched[c.next] = s
	c.next = (c.next + 1) % maxWatched
}

// sentAs returns m as it was sent with a digest, if it is watched.
func (c *strict) sentAs(m Message, digest uint64) *sentMessage {
	if c == nil {
		return nil
	}
	for i := range c.watched {
		if s := &c.watched[i]; s.msg == m && s.digest == digest {
			return s
		}
	}
	return nil
}

// checkArrived checks the message of an event when its process takes it, and the
// message that was sent in its place. RoundTrip may have made another of it.
func (w *World) checkArrived(id ID, ev *Event, r *record) {
	now := ev.Message.Digest()
	if now == r.token {
		return
	}
	if w.cfg.RoundTrip != nil && r.msg.Digest() == r.token {
		w.misuse(MisuseMessageChanged, id, "the codec changes a message from %d to %d: it was %q and comes out as %q: "+
			"what is decoded must have the Digest of what was encoded", r.from, r.to, r.msg, ev.Message)
	}
	w.messageChanged(id, w.strict.sentAs(r.msg, r.token), r.from, r.to, r.msg, fmt.Sprintf("when process %d was to take it", id))
}

// checkStep checks, after a step of p, the messages that it took, and others that
// were sent before.
func (w *World) checkStep(p *proc) {
	c := w.strict
	for i, digest := range c.taken {
		if m := w.batch[i].Message; m != nil && m.Digest() != digest {
			w.messageChanged(p.id, c.sentAs(m, digest), w.batch[i].From, p.id, m, w.during(p))
		}
	}
	c.taken = c.taken[:0]
	n := min(watchedPerStep, len(c.watched))
	if c.level == CheckSteps {
		n = len(c.watched)
	}
	for range n {
		c.cursor = (c.cursor + 1) % len(c.watched)
		if s := &c.watched[c.cursor]; s.msg.Digest() != s.digest {
			when := "at some time before"
			if c.level == CheckSteps {
				when = w.during(p)
			}
			w.messageChanged(p.id, s, s.from, s.to, s.msg, when)
		}
	}
}

// during describes the step that p has just taken.
func (w *World) during(p *proc) string {
	text := fmt.Sprintf("in a step of process %d: %v", p.id, &w.batch[0])
	if n := len(w.batch); n > 1 {
		text += fmt.Sprintf(" and %d more events", n-1)
	}
	return text
}

// messageChanged panics about a message that is not what it was when it was sent,
// as s, if that is known. when is the moment at which it was found so.
func (w *World) messageChanged(process ID, s *sentMessage, from, to ID, m Message, when string) {
	sender := fmt.Sprintf("process %d", from)
	if from == 0 {
		sender = "the owner of the world"
	}
	was := ""
	if s != nil {
		was = fmt.Sprintf(", sent at %v", s.at)
		if s.text != "" {
			was += fmt.Sprintf(" as %q", s.text)
		}
		was += ","
	}
	w.misuse(MisuseMessageChanged, process, "a message of %s to process %d%s has changed, and is %q: found at %v, %s. "+
		"A message never changes once it is sent, since its sender, its receivers and the copies under way have one memory: "+
		"copy, before you send it or keep it, what you will change", sender, to, was, m, w.now, when)
}
