package httpapi

import (
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/op"
)

// DefinitionsPage is one page of the definitions that a node knows, ordered by name.
type DefinitionsPage struct {
	Definitions []fsm.Definition `json:"definitions"`
	Next        string           `json:"next,omitempty"` // the start of the next page; empty: this is the last
	Node        op.NodeID        `json:"node"`           // the responding node
}

// maxDefinitionsPage is the size from which on a page takes no further definition: bytes
// of names, about those of its JSON.
const maxDefinitionsPage = 128 << 10

// PageOfDefinitions returns a page of the first of these definitions, which are ordered by
// name: as many as are not too long for one.
func PageOfDefinitions(all []fsm.Definition) DefinitionsPage {
	n := 0
	for size := 0; n < len(all) && size < maxDefinitionsPage; n++ {
		size += sizeOf(&all[n])
	}
	p := DefinitionsPage{Definitions: append([]fsm.Definition{}, all[:n]...)}
	if n < len(all) {
		p.Next = all[n-1].Name
	}
	return p
}

// sizeOf returns about the length of a definition's JSON, in bytes.
func sizeOf(d *fsm.Definition) int {
	size := 64 + len(d.Name) + len(d.Initial)
	for _, states := range [][]string{d.States, d.Terminal} {
		for _, s := range states {
			size += len(s) + len(`"",`)
		}
	}
	for _, t := range d.Transitions {
		size += len(t.From) + len(t.To) + len(`{"from":"","to":""},`)
	}
	return size
}
