package httpapi

import (
	"slices"
	"strings"

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

// PageOfDefinitions returns the first definitions with names above after, of all that
// there are, ordered by name: at most limit, which is at least 1, and fewer if they are
// long.
func PageOfDefinitions(all []fsm.Definition, after string, limit int) DefinitionsPage {
	begin, found := slices.BinarySearchFunc(all, after, func(d fsm.Definition, name string) int { return strings.Compare(d.Name, name) })
	if found {
		begin++
	}
	rest := all[begin:]
	n := 0
	for size := 0; n < min(limit, len(rest)) && size < maxDefinitionsPage; n++ {
		size += sizeOf(&rest[n])
	}
	p := DefinitionsPage{Definitions: append([]fsm.Definition{}, rest[:n]...)}
	if n < len(rest) {
		p.Next = rest[n-1].Name
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
