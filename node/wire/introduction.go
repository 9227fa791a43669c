package wire

import (
	"encoding/hex"
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
)

// introduction is the form of member.Introduction. More is for fields of later
// versions.
type introduction struct {
	_           struct{}    `cbor:",toarray"`
	Type        messageType `json:"type"`
	Incarnation id128       `json:"incarnation,omitempty"`
	Boot        uint64      `json:"boot"`
	Life        uint64      `json:"life"`
	Position    uint64      `json:"position,omitzero"`
	Stage       stage       `json:"stage,omitzero"`
	Cluster     id128       `json:"cluster,omitempty"`
	Members     []identity  `json:"members,omitempty"`
	Past        []life      `json:"past,omitempty"`
	Known       []testimony `json:"known,omitempty"`
	Answer      bool        `json:"answer,omitzero"`
	Abstains    bool        `json:"abstains,omitzero"`
	More        []byte      `json:"more,omitempty"`
}

type identity struct {
	_           struct{} `cbor:",toarray"`
	ID          uint16   `json:"id"`
	Incarnation id128    `json:"incarnation,omitempty"`
}

type life struct {
	_    struct{} `cbor:",toarray"`
	Boot uint64   `json:"boot"`
	ID   uint64   `json:"id"`
	End  uint64   `json:"end,omitzero"`
}

type testimony struct {
	_           struct{} `cbor:",toarray"`
	Of          uint16   `json:"of"`
	By          uint16   `json:"by"`
	Incarnation id128    `json:"incarnation,omitempty"`
	Boot        uint64   `json:"boot,omitzero"`
	Life        uint64   `json:"life,omitzero"`
	Position    uint64   `json:"position,omitzero"`
}

// id128 is an id of sixteen bytes, or empty in place of zeros. Its text is hexadecimal.
type id128 []byte

func idOf(id [16]byte) id128 {
	if id == [16]byte{} {
		return nil
	}
	return id[:]
}

func (i id128) id() (id [16]byte) {
	copy(id[:], i)
	return id
}

func (i id128) check(what string) error {
	if len(i) != 0 && len(i) != 16 || len(i) == 16 && i.id() == [16]byte{} {
		return fmt.Errorf("%s: %x: want sixteen bytes that are not zero, or none", what, []byte(i))
	}
	return nil
}

// MarshalText returns the digits.
func (i id128) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(i)), nil }

// UnmarshalText parses the digits.
func (i *id128) UnmarshalText(text []byte) error {
	data, err := hex.DecodeString(string(text))
	*i = data
	return err
}

type stage member.Stage

// MarshalText returns the name.
func (s stage) MarshalText() ([]byte, error) { return []byte(member.Stage(s).String()), nil }

// UnmarshalText parses a name.
func (s *stage) UnmarshalText(text []byte) error {
	v, err := named("stage", text, member.Empty, member.Formed)
	*s = stage(v)
	return err
}

func introductionForm(m *member.Introduction) wireForm {
	return &introduction{Type: typeIntroduction, Incarnation: idOf(m.Incarnation), Boot: m.Boot, Life: m.Life, Position: m.Position,
		Stage: stage(m.Stage), Cluster: idOf(m.Cluster), Answer: m.Answer, Abstains: m.Abstains, More: m.More,
		Members: mapList(m.Members, func(i member.Identity) identity { return identity{ID: uint16(i.ID), Incarnation: idOf(i.Incarnation)} }),
		Past:    mapList(m.Past, func(l member.Life) life { return life{Boot: l.Boot, ID: l.ID, End: l.End} }),
		Known: mapList(m.Known, func(t member.Testimony) testimony {
			return testimony{Of: uint16(t.Of), By: uint16(t.By), Incarnation: idOf(t.Memory.Incarnation),
				Boot: t.Memory.Boot, Life: t.Memory.Life, Position: t.Memory.Position}
		})}
}

func (f *introduction) message() node.Message {
	m := &member.Introduction{Incarnation: f.Incarnation.id(), Boot: f.Boot, Life: f.Life, Position: f.Position,
		Stage: member.Stage(f.Stage), Cluster: f.Cluster.id(), Answer: f.Answer, Abstains: f.Abstains,
		Members: mapList(f.Members, func(i identity) member.Identity {
			return member.Identity{ID: node.ID(i.ID), Incarnation: i.Incarnation.id()}
		}),
		Past: mapList(f.Past, func(l life) member.Life { return member.Life{Boot: l.Boot, ID: l.ID, End: l.End} }),
		Known: mapList(f.Known, func(t testimony) member.Testimony {
			return member.Testimony{Of: node.ID(t.Of), By: node.ID(t.By), Memory: member.Memory{
				Incarnation: t.Incarnation.id(), Boot: t.Boot, Life: t.Life, Position: t.Position}}
		})}
	if len(f.More) > 0 {
		m.More = append([]byte(nil), f.More...)
	}
	return m
}

// checkIDs returns an error about the first invalid id of the form.
func (f *introduction) checkIDs() error {
	err := firstError(f.Incarnation.check("incarnation"), f.Cluster.check("cluster"))
	for i := range f.Members {
		err = firstError(err, f.Members[i].Incarnation.check("members.incarnation"))
	}
	for i := range f.Known {
		err = firstError(err, f.Known[i].Incarnation.check("known.incarnation"))
	}
	return err
}

// checkIntroduction returns an error about the first field that codecs refuse.
func checkIntroduction(m *member.Introduction) error {
	switch {
	case m.Stage > member.Formed:
		return fmt.Errorf("stage: %d: want 0 to %d", m.Stage, member.Formed)
	case len(m.Members) > node.MaxParticipants:
		return fmt.Errorf("members: %d, at most %d", len(m.Members), node.MaxParticipants)
	case len(m.Past) > member.MaxPast:
		return fmt.Errorf("past: %d, at most %d", len(m.Past), member.MaxPast)
	case len(m.Known) > member.MaxKnown:
		return fmt.Errorf("known: %d, at most %d", len(m.Known), member.MaxKnown)
	case len(m.More) > member.MaxMore:
		return fmt.Errorf("more: %d bytes, at most %d", len(m.More), member.MaxMore)
	}
	return nil
}
