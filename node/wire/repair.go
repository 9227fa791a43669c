package wire

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
)

// The messages of repair.
type (
	repairRequest struct {
		_        struct{} `cbor:",toarray"`
		Type     kind     `json:"type"`
		Exchange readID   `json:"exchange"`
		Digest   uint64   `json:"digest,omitzero"`
		Mass     uint64   `json:"mass,omitzero"`
		Ranges   []span   `json:"ranges,omitempty"`
		Wants    []string `json:"wants,omitempty"`
	}
	repairReport struct {
		_        struct{} `cbor:",toarray"`
		Type     kind     `json:"type"`
		Exchange readID   `json:"exchange"`
		Digest   uint64   `json:"digest,omitzero"`
		Mass     uint64   `json:"mass,omitzero"`
		Done     uint16   `json:"done,omitzero"`
		Sent     uint16   `json:"sent,omitzero"`
		Ranges   []span   `json:"ranges,omitempty"`
		Items    []item   `json:"items,omitempty"`
	}
	repairValue struct {
		_      struct{} `cbor:",toarray"`
		Type   kind     `json:"type"`
		Key    string   `json:"key"`
		Ballot ballot   `json:"ballot,omitzero"`
		Value  *value   `json:"value,omitzero"`
		Chosen bool     `json:"chosen,omitzero"`
	}
)

type span struct {
	_      struct{} `cbor:",toarray"`
	Path   uint64   `json:"path,omitzero"`
	Depth  uint8    `json:"depth,omitzero"`
	Digest uint64   `json:"digest,omitzero"`
}

type item struct {
	_      struct{} `cbor:",toarray"`
	Key    string   `json:"key"`
	Ballot ballot   `json:"ballot,omitzero"`
	Chosen bool     `json:"chosen,omitzero"`
}

func repairFormOf(m node.Message) (form, error) {
	switch m := m.(type) {
	case *node.RepairRequest:
		return &repairRequest{Type: kindRepairRequest, Exchange: readOf(m.Exchange), Digest: m.Digest, Mass: m.Mass,
			Ranges: each(m.Ranges, spanOf), Wants: m.Wants}, nil
	case *node.RepairReport:
		return &repairReport{Type: kindRepairReport, Exchange: readOf(m.Exchange), Digest: m.Digest, Mass: m.Mass,
			Done: m.Done, Sent: m.Sent, Ranges: each(m.Ranges, spanOf), Items: each(m.Items, itemOf)}, nil
	case *node.RepairValue:
		return &repairValue{Type: kindRepairValue, Key: m.Key, Ballot: ballotOf(m.Ballot),
			Value: valueOf(m.Value), Chosen: m.Chosen}, nil
	}
	return nil, fmt.Errorf("unknown type %T", m)
}

func newRepairForm(k kind) form {
	switch k {
	case kindRepairRequest:
		return new(repairRequest)
	case kindRepairReport:
		return new(repairReport)
	case kindRepairValue:
		return new(repairValue)
	}
	return nil
}

func (f *repairRequest) message() node.Message {
	return &node.RepairRequest{Exchange: f.Exchange.readID(), Digest: f.Digest, Mass: f.Mass,
		Ranges: each(f.Ranges, span.rangeOf), Wants: each(f.Wants, same)}
}

func (f *repairReport) message() node.Message {
	return &node.RepairReport{Exchange: f.Exchange.readID(), Digest: f.Digest, Mass: f.Mass,
		Done: f.Done, Sent: f.Sent, Ranges: each(f.Ranges, span.rangeOf), Items: each(f.Items, item.item)}
}

func (f *repairValue) message() node.Message {
	return &node.RepairValue{Key: f.Key, Ballot: f.Ballot.ballot(), Value: f.Value.value(), Chosen: f.Chosen}
}

// each is a list of what f makes of a list; nil of an empty one.
func each[A, B any](list []A, f func(A) B) []B {
	if len(list) == 0 {
		return nil
	}
	made := make([]B, len(list))
	for i := range list {
		made[i] = f(list[i])
	}
	return made
}

func same(s string) string { return s }

func spanOf(r node.Range) span     { return span{Path: r.Path, Depth: r.Depth, Digest: r.Digest} }
func (s span) rangeOf() node.Range { return node.Range{Path: s.Path, Depth: s.Depth, Digest: s.Digest} }
func itemOf(i node.Item) item      { return item{Key: i.Key, Ballot: ballotOf(i.Ballot), Chosen: i.Chosen} }
func (i item) item() node.Item {
	return node.Item{Key: i.Key, Ballot: i.Ballot.ballot(), Chosen: i.Chosen}
}

// checkRepair names the first field of a message of repair that no codec takes.
func checkRepair(m node.Message) error {
	switch m := m.(type) {
	case *node.RepairRequest:
		if err := first(checkRanges(m.Ranges), checkList("wants", len(m.Wants))); err != nil {
			return err
		}
		for i, key := range m.Wants {
			if err := checkText(fmt.Sprintf("wants[%d]", i), key, MaxKey); err != nil {
				return err
			}
		}
	case *node.RepairReport:
		if err := first(checkRanges(m.Ranges), checkList("items", len(m.Items))); err != nil {
			return err
		}
		for i := range m.Items {
			if err := checkText("key", m.Items[i].Key, MaxKey); err != nil {
				return fmt.Errorf("items[%d].%w", i, err)
			}
		}
	case *node.RepairValue:
		return checkValue(m.Value)
	}
	return nil
}

func checkRanges(list []node.Range) error {
	for i, r := range list {
		if !r.Sound() {
			return fmt.Errorf("ranges[%d]: path %#x has more than %d digits", i, r.Path, r.Depth)
		}
	}
	return checkList("ranges", len(list))
}

func checkList(what string, n int) error {
	if n > node.MaxRepairList {
		return fmt.Errorf("%s: %d, at most %d", what, n, node.MaxRepairList)
	}
	return nil
}
