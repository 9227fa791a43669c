package wire

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
)

// The encoded forms of the messages of repair, with their conversion and the checks of
// their lists and keys.
type (
	repairRequest struct {
		_        struct{}    `cbor:",toarray"`
		Type     messageType `json:"type"`
		Exchange readID      `json:"exchange"`
		Digest   uint64      `json:"digest,omitzero"`
		Progress uint64      `json:"mass,omitzero"`
		Ranges   []hashRange `json:"ranges,omitempty"`
		Wants    []string    `json:"wants,omitempty"`
	}
	repairReport struct {
		_              struct{}    `cbor:",toarray"`
		Type           messageType `json:"type"`
		Exchange       readID      `json:"exchange"`
		Digest         uint64      `json:"digest,omitzero"`
		Progress       uint64      `json:"mass,omitzero"`
		RangesAnswered uint16      `json:"done,omitzero"`
		WantsAnswered  uint16      `json:"sent,omitzero"`
		Ranges         []hashRange `json:"ranges,omitempty"`
		Items          []item      `json:"items,omitempty"`
	}
	repairValue struct {
		_      struct{}    `cbor:",toarray"`
		Type   messageType `json:"type"`
		Key    string      `json:"key"`
		Ballot ballot      `json:"ballot,omitzero"`
		Value  *value      `json:"value,omitzero"`
		Chosen bool        `json:"chosen,omitzero"`
	}
)

type hashRange struct {
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

func repairFormOf(m node.Message) (wireForm, error) {
	switch m := m.(type) {
	case *node.RepairRequest:
		return &repairRequest{Type: typeRepairRequest, Exchange: readIDOf(m.Exchange), Digest: m.Digest, Progress: m.Progress,
			Ranges: mapList(m.Ranges, hashRangeOf), Wants: m.Wants}, nil
	case *node.RepairReport:
		return &repairReport{Type: typeRepairReport, Exchange: readIDOf(m.Exchange), Digest: m.Digest, Progress: m.Progress,
			RangesAnswered: m.RangesAnswered, WantsAnswered: m.WantsAnswered, Ranges: mapList(m.Ranges, hashRangeOf), Items: mapList(m.Items, itemOf)}, nil
	case *node.RepairValue:
		return &repairValue{Type: typeRepairValue, Key: m.Key, Ballot: ballotOf(m.Ballot),
			Value: valueOf(m.Value), Chosen: m.Chosen}, nil
	}
	return nil, fmt.Errorf("unknown type %T", m)
}

func newRepairForm(k messageType) wireForm {
	switch k {
	case typeRepairRequest:
		return new(repairRequest)
	case typeRepairReport:
		return new(repairReport)
	case typeRepairValue:
		return new(repairValue)
	}
	return nil
}

func (f *repairRequest) message() node.Message {
	return &node.RepairRequest{Exchange: f.Exchange.readID(), Digest: f.Digest, Progress: f.Progress,
		Ranges: mapList(f.Ranges, hashRange.hashRange), Wants: mapList(f.Wants, copyString)}
}

func (f *repairReport) message() node.Message {
	return &node.RepairReport{Exchange: f.Exchange.readID(), Digest: f.Digest, Progress: f.Progress,
		RangesAnswered: f.RangesAnswered, WantsAnswered: f.WantsAnswered, Ranges: mapList(f.Ranges, hashRange.hashRange), Items: mapList(f.Items, item.item)}
}

func (f *repairValue) message() node.Message {
	return &node.RepairValue{Key: f.Key, Ballot: f.Ballot.ballot(), Value: f.Value.value(), Chosen: f.Chosen}
}

// mapList returns f of each element of a list; nil for an empty list.
func mapList[A, B any](list []A, f func(A) B) []B {
	if len(list) == 0 {
		return nil
	}
	made := make([]B, len(list))
	for i := range list {
		made[i] = f(list[i])
	}
	return made
}

func copyString(s string) string { return s }

func hashRangeOf(r node.HashRange) hashRange {
	return hashRange{Path: r.Path, Depth: r.Depth, Digest: r.Digest}
}
func (s hashRange) hashRange() node.HashRange {
	return node.HashRange{Path: s.Path, Depth: s.Depth, Digest: s.Digest}
}
func itemOf(i node.RepairItem) item {
	return item{Key: i.Key, Ballot: ballotOf(i.Ballot), Chosen: i.Chosen}
}
func (i item) item() node.RepairItem {
	return node.RepairItem{Key: i.Key, Ballot: i.Ballot.ballot(), Chosen: i.Chosen}
}

// checkRepair returns an error about the first field of a message of repair that
// codecs refuse.
func checkRepair(m node.Message) error {
	switch m := m.(type) {
	case *node.RepairRequest:
		if err := firstError(checkRanges(m.Ranges), checkList("wants", len(m.Wants))); err != nil {
			return err
		}
		for i, key := range m.Wants {
			if err := checkText(fmt.Sprintf("wants[%d]", i), key, MaxKey); err != nil {
				return err
			}
		}
	case *node.RepairReport:
		if err := firstError(checkRanges(m.Ranges), checkList("items", len(m.Items))); err != nil {
			return err
		}
		for i := range m.Items {
			if err := checkText("key", m.Items[i].Key, MaxKey); err != nil {
				return fmt.Errorf("items[%d].%w", i, err)
			}
		}
	case *node.RepairValue:
		return checkValue(m.Key, m.Value)
	}
	return nil
}

func checkRanges(list []node.HashRange) error {
	for i, r := range list {
		if !r.Valid() {
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
