package wire

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
)

// wireForm is a message in the layout of the codecs: its fields are in the order of
// the CBOR array and have the names of the JSON object.
type wireForm interface {
	message() node.Message
}

type (
	proposal struct {
		_      struct{}    `cbor:",toarray"`
		Type   messageType `json:"type"`
		Phase  phase       `json:"phase"`
		Key    string      `json:"key"`
		Ballot ballot      `json:"ballot,omitzero"`
		Value  *value      `json:"value,omitzero"`
		Next   ballot      `json:"next,omitzero"`
		First  string      `json:"first,omitzero"`
	}
	extendedAccept struct {
		_       struct{}    `cbor:",toarray"`
		Type    messageType `json:"type"`
		Key     string      `json:"key"`
		Ballot  ballot      `json:"ballot,omitzero"`
		Base    ballot      `json:"base,omitzero"`
		Dropped uint16      `json:"dropped,omitzero"`
		Entries []entry     `json:"entries,omitempty"`
		Next    ballot      `json:"next,omitzero"`
		First   string      `json:"first,omitzero"`
	}
	acknowledgment struct {
		_        struct{}    `cbor:",toarray"`
		Type     messageType `json:"type"`
		Phase    phase       `json:"phase"`
		Key      string      `json:"key"`
		Ballot   ballot      `json:"ballot,omitzero"`
		Accepted ballot      `json:"accepted,omitzero"`
		Value    *value      `json:"value,omitzero"`
		First    string      `json:"first,omitzero"`
		At       uint64      `json:"at,omitzero"`
	}
	reject struct {
		_        struct{}    `cbor:",toarray"`
		Type     messageType `json:"type"`
		Phase    phase       `json:"phase"`
		Key      string      `json:"key"`
		Ballot   ballot      `json:"ballot,omitzero"`
		Reason   string      `json:"reason,omitzero"`
		Promised ballot      `json:"promised,omitzero"`
		First    string      `json:"first,omitzero"`
	}
	commit struct {
		_      struct{}    `cbor:",toarray"`
		Type   messageType `json:"type"`
		Key    string      `json:"key"`
		Ballot ballot      `json:"ballot,omitzero"`
		Value  *value      `json:"value,omitzero"`
		First  string      `json:"first,omitzero"`
	}
	readRequest struct {
		_     struct{}    `cbor:",toarray"`
		Type  messageType `json:"type"`
		Key   string      `json:"key"`
		Read  readID      `json:"read"`
		First string      `json:"first,omitzero"`
	}
	readReport struct {
		_        struct{}    `cbor:",toarray"`
		Type     messageType `json:"type"`
		Key      string      `json:"key"`
		Read     readID      `json:"read"`
		Accepted ballot      `json:"accepted,omitzero"`
		Value    *value      `json:"value,omitzero"`
		First    string      `json:"first,omitzero"`
		At       uint64      `json:"at,omitzero"`
	}
	request struct {
		_         struct{}    `cbor:",toarray"`
		Type      messageType `json:"type"`
		Kind      requestKind `json:"kind"`
		Key       string      `json:"key"`
		ID        string      `json:"id"`
		Attempt   uint32      `json:"attempt,omitzero"`
		To        string      `json:"to,omitzero"`
		Watermark uint64      `json:"base,omitzero"`
		Retry     bool        `json:"retry,omitzero"`
		Expects   bool        `json:"expects,omitzero"`
		Expect    uint64      `json:"expect,omitzero"`
	}
	reply struct {
		_       struct{}    `cbor:",toarray"`
		Type    messageType `json:"type"`
		Kind    requestKind `json:"kind"`
		Key     string      `json:"key"`
		ID      string      `json:"id"`
		Attempt uint32      `json:"attempt,omitzero"`
		Outcome outcome     `json:"outcome"`
		Reason  string      `json:"reason,omitzero"`
		Final   bool        `json:"final,omitzero"`
		State   string      `json:"state,omitzero"`
		Version uint64      `json:"version,omitzero"`
		Serial  uint64      `json:"serial,omitzero"`
	}
)

type value struct {
	_           struct{} `cbor:",toarray"`
	Version     uint64   `json:"version"`
	Serial      uint64   `json:"serial"`
	State       string   `json:"state"`
	StateBefore string   `json:"before"`
	Window      []entry  `json:"recent,omitempty"`
}

type entry struct {
	_    struct{}  `cbor:",toarray"`
	ID   string    `json:"id"`
	To   string    `json:"to,omitzero"` // state that a transition leads to, or that a tombstone's operation requested
	Kind entryKind `json:"kind,omitzero"`
}

// formOf returns the form of m. It shares m's strings.
func formOf(m node.Message) (wireForm, error) {
	switch m := m.(type) {
	case *node.Proposal:
		if x := m.Extension; x != nil {
			return &extendedAccept{Type: typeExtendedAccept, Key: m.Key, Ballot: ballotOf(m.Ballot), Base: ballotOf(x.Base),
				Dropped: x.Dropped, Entries: entriesOf(x.Entries), Next: ballotOf(m.Next), First: string(m.First)}, nil
		}
		return &proposal{Type: typeProposal, Phase: phase(m.Phase), Key: m.Key, Ballot: ballotOf(m.Ballot),
			Value: valueOf(m.Value), Next: ballotOf(*nextOrKnown(m)), First: string(m.First)}, nil
	case *node.Acknowledgment:
		return &acknowledgment{Type: typeAcknowledgment, Phase: phase(m.Phase), Key: m.Key, Ballot: ballotOf(m.Ballot),
			Accepted: ballotOf(m.Accepted), Value: valueOf(m.Value), First: string(m.First), At: m.At}, nil
	case *node.Reject:
		return &reject{Type: typeReject, Phase: phase(m.Phase), Key: m.Key, Ballot: ballotOf(m.Ballot),
			Reason: string(m.Reason), Promised: ballotOf(m.Promised), First: string(m.First)}, nil
	case *node.Commit:
		return &commit{Type: typeCommit, Key: m.Key, Ballot: ballotOf(m.Ballot),
			Value: valueOf(m.Value), First: string(m.First)}, nil
	case *node.ReadRequest:
		return &readRequest{Type: typeReadRequest, Key: m.Key, Read: readIDOf(m.Read), First: string(m.First)}, nil
	case *node.ReadReport:
		return &readReport{Type: typeReadReport, Key: m.Key, Read: readIDOf(m.Read),
			Accepted: ballotOf(m.Accepted), Value: valueOf(m.Value), First: string(m.First), At: m.At}, nil
	case *node.Request:
		return &request{Type: typeRequest, Kind: requestKind(m.Kind), Key: m.Key, ID: string(m.ID), Attempt: m.Attempt,
			To: m.To, Watermark: m.Watermark, Retry: m.Retry, Expects: m.Expects, Expect: m.Expect}, nil
	case *node.Reply:
		return &reply{Type: typeReply, Kind: requestKind(m.Kind), Key: m.Key, ID: string(m.ID), Attempt: m.Attempt,
			Outcome: outcome(m.Outcome), Reason: string(m.Reason), Final: m.Final,
			State: m.State, Version: m.Version, Serial: m.Serial}, nil
	}
	if in, ok := m.(*member.Introduction); ok {
		return introductionForm(in), nil
	}
	return repairFormOf(m)
}

// newForm returns an empty form for a type of message; nil if the type is unknown.
func newForm(k messageType) wireForm {
	switch k {
	case typeProposal:
		return new(proposal)
	case typeAcknowledgment:
		return new(acknowledgment)
	case typeReject:
		return new(reject)
	case typeCommit:
		return new(commit)
	case typeReadRequest:
		return new(readRequest)
	case typeReadReport:
		return new(readReport)
	case typeRequest:
		return new(request)
	case typeReply:
		return new(reply)
	case typeIntroduction:
		return new(introduction)
	case typeExtendedAccept:
		return new(extendedAccept)
	}
	return newRepairForm(k)
}

func (f *proposal) message() node.Message {
	p := &node.Proposal{Phase: node.Phase(f.Phase), Key: f.Key, Ballot: f.Ballot.ballot(),
		Value: f.Value.value(), First: node.OpID(f.First)}
	*nextOrKnown(p) = f.Next.ballot()
	return p
}

func (f *extendedAccept) message() node.Message {
	x := &node.Extension{Base: f.Base.ballot(), Dropped: f.Dropped, Entries: entriesFrom("", f.Entries)}
	return &node.Proposal{Phase: node.Accept, Key: f.Key, Ballot: f.Ballot.ballot(), Next: f.Next.ballot(),
		First: node.OpID(f.First), Extension: x}
}

// nextOrKnown is the ballot of p that its phase has besides the one that it proposes at.
// They have one place on the wire: earlier programs write nothing there for a prepare, and
// ignore them.
func nextOrKnown(p *node.Proposal) *node.Ballot {
	if p.Phase == node.Prepare {
		return &p.Known
	}
	return &p.Next
}

func (f *acknowledgment) message() node.Message {
	return &node.Acknowledgment{Phase: node.Phase(f.Phase), Key: f.Key, Ballot: f.Ballot.ballot(),
		Accepted: f.Accepted.ballot(), Value: f.Value.value(), First: node.OpID(f.First), At: f.At}
}

func (f *reject) message() node.Message {
	return &node.Reject{Phase: node.Phase(f.Phase), Key: f.Key, Ballot: f.Ballot.ballot(),
		Reason: node.Reason(f.Reason), Promised: f.Promised.ballot(), First: node.OpID(f.First)}
}

func (f *commit) message() node.Message {
	return &node.Commit{Key: f.Key, Ballot: f.Ballot.ballot(), Value: f.Value.value(), First: node.OpID(f.First)}
}

func (f *readRequest) message() node.Message {
	return &node.ReadRequest{Key: f.Key, Read: f.Read.readID(), First: node.OpID(f.First)}
}

func (f *readReport) message() node.Message {
	return &node.ReadReport{Key: f.Key, Read: f.Read.readID(), Accepted: f.Accepted.ballot(),
		Value: f.Value.value(), First: node.OpID(f.First), At: f.At}
}

func (f *request) message() node.Message {
	return &node.Request{Kind: node.Kind(f.Kind), Key: f.Key, ID: node.OpID(f.ID), Attempt: f.Attempt,
		To: f.To, Watermark: f.Watermark, Retry: f.Retry, Expects: f.Expects, Expect: f.Expect}
}

func (f *reply) message() node.Message {
	return &node.Reply{Kind: node.Kind(f.Kind), Key: f.Key, ID: node.OpID(f.ID), Attempt: f.Attempt,
		Outcome: node.Outcome(f.Outcome), Reason: node.Reason(f.Reason), Final: f.Final,
		State: f.State, Version: f.Version, Serial: f.Serial}
}

func valueOf(v *node.Value) *value {
	if v == nil {
		return nil
	}
	return &value{Version: v.Version, Serial: v.Serial, State: v.State, StateBefore: v.StateBefore, Window: entriesOf(v.Window)}
}

func entriesOf(entries []node.Entry) []entry {
	list := make([]entry, len(entries))
	for i, e := range entries {
		list[i] = entry{ID: string(e.ID), Kind: entryKind(e.Kind)}
		switch e.Kind {
		case node.EntryTransition:
			list[i].To = e.To
		case node.EntryTombstone:
			list[i].To = e.Requested
		}
	}
	return list
}

// toMessage returns the message of a decoded form, checked. It also refuses a field
// that messages cannot represent: the requested state of a tombstone of an older kind.
func toMessage(f wireForm) (node.Message, error) {
	what, entries := entriesIn(f)
	for i, e := range entries {
		if k := node.EntryKind(e.Kind); e.To != "" && (k == node.EntryTombstoneIllegal || k == node.EntryTombstoneMismatch) {
			return nil, fmt.Errorf("%s[%d].to: %v has none", what, i, e.Kind)
		}
	}
	if in, ok := f.(*introduction); ok {
		if err := in.checkIDs(); err != nil {
			return nil, err
		}
	}
	m := f.message()
	return m, check(m)
}

// entriesIn returns the entries in a form, and the name of their field.
func entriesIn(f wireForm) (what string, list []entry) {
	if x, ok := f.(*extendedAccept); ok {
		return "entries", x.Entries
	}
	if v := valueIn(f); v != nil {
		return "value.recent", v.Window
	}
	return "", nil
}

// valueIn returns the value in a form, or nil.
func valueIn(f wireForm) *value {
	switch f := f.(type) {
	case *proposal:
		return f.Value
	case *acknowledgment:
		return f.Value
	case *commit:
		return f.Value
	case *readReport:
		return f.Value
	case *repairValue:
		return f.Value
	}
	return nil
}

// internState returns to, or the same text from one of the last four entries before it.
// A value has many entries with few different states, and is kept for long.
func internState(to string, before []node.Entry) string {
	for _, e := range before[max(0, len(before)-4):] {
		if e.To == to {
			return e.To
		}
	}
	return to
}

func (f *value) value() *node.Value {
	if f == nil {
		return nil
	}
	return &node.Value{Version: f.Version, Serial: f.Serial, State: f.State, StateBefore: f.StateBefore,
		Window: entriesFrom(f.StateBefore, f.Window)}
}

// entriesFrom returns the entries of a form, which begin in a state.
func entriesFrom(state string, list []entry) []node.Entry {
	if len(list) == 0 {
		return nil
	}
	entries := make([]node.Entry, len(list))
	for i, e := range list {
		x := node.Entry{ID: node.OpID(e.ID), Kind: node.EntryKind(e.Kind)}
		switch x.Kind {
		case node.EntryTransition:
			state = internState(e.To, entries[:i])
		case node.EntryTombstone:
			x.Requested = internState(e.To, entries[:i])
		}
		x.To = state
		entries[i] = x
	}
	return entries
}
