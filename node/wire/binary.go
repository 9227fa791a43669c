package wire

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
)

// Binary is the codec that nodes prefer: the smallest, and the fastest by far. The
// package comment has its layout.
type Binary struct{}

// Name implements Codec.
func (Binary) Name() string { return "binary" }

// Append implements Codec.
func (c Binary) Append(dst []byte, m node.Message) ([]byte, error) {
	x := binaryCoder{out: dst}
	x.message(m)
	if x.err == nil {
		x.err = check(m)
	}
	if x.err != nil {
		return dst, codecError(c, x.err)
	}
	return x.out, nil
}

// Decode implements Codec.
func (c Binary) Decode(b []byte) (node.Message, error) {
	m, err := decodeBinary(b)
	if err != nil {
		return nil, codecError(c, err)
	}
	return m, nil
}

func decodeBinary(b []byte) (node.Message, error) {
	if len(b) < 2 {
		return nil, fmt.Errorf("%d bytes: want a type and flags", len(b))
	}
	m := newMessage(messageType(b[0]))
	if m == nil {
		return nil, fmt.Errorf("unknown type %#x", b[0])
	}
	x := binaryCoder{reading: true, in: b, at: 1}
	x.message(m)
	switch {
	case x.err != nil:
		return nil, x.err
	case x.at < len(b):
		return nil, fmt.Errorf("%d bytes after the message", len(b)-x.at)
	}
	return m, check(m)
}

// newMessage returns an empty message; nil if the type is unknown.
func newMessage(k messageType) node.Message {
	switch k {
	case typeProposal:
		return new(node.Proposal)
	case typeAcknowledgment:
		return new(node.Acknowledgment)
	case typeReject:
		return new(node.Reject)
	case typeCommit:
		return new(node.Commit)
	case typeReadRequest:
		return new(node.ReadRequest)
	case typeReadReport:
		return new(node.ReadReport)
	case typeRequest:
		return new(node.Request)
	case typeReply:
		return new(node.Reply)
	case typeRepairRequest:
		return new(node.RepairRequest)
	case typeRepairReport:
		return new(node.RepairReport)
	case typeRepairValue:
		return new(node.RepairValue)
	case typeIntroduction:
		return new(member.Introduction)
	case typeExtendedAccept:
		return &node.Proposal{Phase: node.Accept, Extension: new(node.Extension)}
	}
	return nil
}

// message writes or reads a message: one description of its layout for both. A value is
// the last field.
func (c *binaryCoder) message(m node.Message) {
	switch m := m.(type) {
	case *node.Proposal:
		if m.Extension != nil {
			c.extendedAccept(m)
			break
		}
		c.begin(typeProposal)
		c.texts("key", &m.Key, "first", (*string)(&m.First))
		c.phase(&m.Phase)
		c.ballot("ballot", &m.Ballot)
		c.ballot("next", nextOrKnown(m))
		c.value(&m.Value)
	case *node.Acknowledgment:
		c.begin(typeAcknowledgment)
		c.texts("key", &m.Key, "first", (*string)(&m.First))
		c.phase(&m.Phase)
		c.ballot("ballot", &m.Ballot)
		c.ballot("accepted", &m.Accepted)
		varint(c, "at", &m.At)
		c.value(&m.Value)
	case *node.Reject:
		c.begin(typeReject)
		c.texts("key", &m.Key, "first", (*string)(&m.First))
		c.phase(&m.Phase)
		c.ballot("ballot", &m.Ballot)
		c.reason(&m.Reason)
		c.ballot("promised", &m.Promised)
	case *node.Commit:
		c.begin(typeCommit)
		c.texts("key", &m.Key, "first", (*string)(&m.First))
		c.ballot("ballot", &m.Ballot)
		c.value(&m.Value)
	case *node.ReadRequest:
		c.begin(typeReadRequest)
		c.texts("key", &m.Key, "first", (*string)(&m.First))
		c.readID("read", &m.Read)
	case *node.ReadReport:
		c.begin(typeReadReport)
		c.texts("key", &m.Key, "first", (*string)(&m.First))
		c.readID("read", &m.Read)
		c.ballot("accepted", &m.Accepted)
		varint(c, "at", &m.At)
		c.value(&m.Value)
	case *node.Request:
		c.begin(typeRequest)
		c.texts("key", &m.Key, "to", &m.To)
		c.text("id", (*string)(&m.ID)) // by itself: the value that it makes keeps it
		varint(c, "kind", &m.Kind)
		varint(c, "attempt", &m.Attempt)
		varint(c, "watermark", &m.Watermark)
		c.bool(&m.Retry)
		c.bool(&m.Expects)
		varint(c, "expect", &m.Expect)
	case *node.Reply:
		c.begin(typeReply)
		c.texts("key", &m.Key, "id", (*string)(&m.ID))
		varint(c, "kind", &m.Kind)
		varint(c, "attempt", &m.Attempt)
		varint(c, "outcome", &m.Outcome)
		c.reason(&m.Reason)
		c.bool(&m.Final)
		c.text("state", &m.State)
		varint(c, "version", &m.Version)
		varint(c, "serial", &m.Serial)
	default:
		rare := *c // its lists make a coder escape to the heap
		rare.rareMessage(m)
		*c = rare
		return
	}
	c.endFlags()
}

func (c *binaryCoder) extendedAccept(p *node.Proposal) {
	c.begin(typeExtendedAccept)
	c.texts("key", &p.Key, "first", (*string)(&p.First))
	c.ballot("ballot", &p.Ballot)
	c.ballot("next", &p.Next)
	c.extension(p.Extension)
}

// rareMessage is message for repair and introductions.
func (c *binaryCoder) rareMessage(m node.Message) {
	switch m := m.(type) {
	case *node.RepairRequest:
		c.begin(typeRepairRequest)
		c.readID("exchange", &m.Exchange)
		c.word("digest", &m.Digest)
		varint(c, "progress", &m.Progress)
		list(c, "ranges", node.MaxRepairList, &m.Ranges, (*binaryCoder).hashRange)
		list(c, "wants", node.MaxRepairList, &m.Wants, (*binaryCoder).key)
	case *node.RepairReport:
		c.begin(typeRepairReport)
		c.readID("exchange", &m.Exchange)
		c.word("digest", &m.Digest)
		varint(c, "progress", &m.Progress)
		varint(c, "ranges answered", &m.RangesAnswered)
		varint(c, "wants answered", &m.WantsAnswered)
		list(c, "ranges", node.MaxRepairList, &m.Ranges, (*binaryCoder).hashRange)
		list(c, "items", node.MaxRepairList, &m.Items, (*binaryCoder).repairItem)
	case *node.RepairValue:
		c.begin(typeRepairValue)
		c.key(&m.Key)
		c.ballot("ballot", &m.Ballot)
		c.bool(&m.Chosen)
		c.value(&m.Value)
	case *member.Introduction:
		c.begin(typeIntroduction)
		c.id("incarnation", &m.Incarnation)
		varint(c, "boot", &m.Boot)
		c.word("life", &m.Life)
		varint(c, "position", &m.Position)
		varint(c, "stage", &m.Stage)
		c.id("cluster", &m.Cluster)
		list(c, "members", node.MaxParticipants, &m.Members, (*binaryCoder).identity)
		list(c, "past", member.MaxPast, &m.Past, (*binaryCoder).life)
		list(c, "known", member.MaxKnown, &m.Known, (*binaryCoder).testimony)
		c.bool(&m.Answer)
		c.bool(&m.Abstains)
		c.bytes("more", &m.More)
	default:
		c.fail(fmt.Errorf("unknown type %T", m))
		return
	}
	c.endFlags()
}

func (c *binaryCoder) phase(p *node.Phase) {
	accept := *p == node.Accept
	c.bool(&accept)
	switch {
	case !c.reading:
	case accept:
		*p = node.Accept
	default:
		*p = node.Prepare
	}
}

// ballot writes or reads a ballot, left out if it is zero.
func (c *binaryCoder) ballot(what string, b *node.Ballot) {
	if !c.present(!b.IsZero()) || c.err != nil {
		return
	}
	varint(c, "epoch", &b.Epoch)
	varint(c, "round", &b.Round)
	varint(c, "node", &b.Node)
	varint(c, "boot", &b.Boot)
	switch {
	case c.err != nil:
		c.err = fmt.Errorf("%s.%w", what, c.err)
	case b.IsZero():
		c.fail(errPresentZero(what))
	}
}

func (c *binaryCoder) readID(what string, r *node.ReadID) {
	if c.err != nil {
		return
	}
	varint(c, "node", &r.Node)
	varint(c, "boot", &r.Boot)
	varint(c, "sequence", &r.Seq)
	if c.err != nil {
		c.err = fmt.Errorf("%s.%w", what, c.err)
	}
}

// reason writes the place of a reason in the list of all, which only grows.
func (c *binaryCoder) reason(r *node.Reason) {
	place := uint8(0)
	if !c.reading {
		place = placeOfReason(*r)
	}
	varint(c, "reason", &place)
	switch {
	case !c.reading:
	case int(place) >= len(reasons):
		c.fail(fmt.Errorf("reason: %d is not known", place))
	default:
		*r = reasons[place]
	}
}

// placeOfReason is the place of a reason in the list; 0, that of none, if it is
// unknown, which check refuses.
func placeOfReason(r node.Reason) uint8 { return uint8(max(0, slices.Index(reasons, r))) }

func (c *binaryCoder) key(k *string) { c.text("key", k) }

func (c *binaryCoder) hashRange(r *node.HashRange) {
	varint(c, "path", &r.Path)
	varint(c, "depth", &r.Depth)
	c.word("digest", &r.Digest)
}

func (c *binaryCoder) repairItem(i *node.RepairItem) {
	outer := c.beginGroup()
	c.key(&i.Key)
	c.ballot("ballot", &i.Ballot)
	c.bool(&i.Chosen)
	c.endGroup(outer)
}

func (c *binaryCoder) identity(i *member.Identity) {
	outer := c.beginGroup()
	varint(c, "id", &i.ID)
	c.id("incarnation", &i.Incarnation)
	c.endGroup(outer)
}

func (c *binaryCoder) life(l *member.Life) {
	varint(c, "boot", &l.Boot)
	c.word("id", &l.ID)
	varint(c, "end", &l.End)
}

func (c *binaryCoder) testimony(t *member.Testimony) {
	outer := c.beginGroup()
	varint(c, "of", &t.Of)
	varint(c, "by", &t.By)
	c.id("incarnation", &t.Memory.Incarnation)
	varint(c, "boot", &t.Memory.Boot)
	c.word("life", &t.Memory.Life)
	varint(c, "position", &t.Memory.Position)
	c.endGroup(outer)
}
