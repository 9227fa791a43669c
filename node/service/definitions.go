package service

import "github.com/lockstep-dst/lockstep/node/fsm"

// DefinitionPage is a page of the definitions that the node knows, sorted by name.
type DefinitionPage struct {
	Definitions []fsm.Definition // not nil
	Next        string           // the name to go on after; empty: there are no more
}

// Definitions returns the page of at most limit definitions after a name; empty: the
// first page. The work is that of the page, however many definitions there are. A limit
// below 1 counts as 1, and one above Config.Page as that: one step has no more work for a
// client than for a piece of a listing of machines.
func (s *Service) Definitions(after string, limit int) DefinitionPage {
	list, more := s.node.DefinitionsAfter(after, max(1, min(limit, s.cfg.Page)))
	p := DefinitionPage{Definitions: list}
	if more {
		p.Next = list[len(list)-1].Name
	}
	return p
}
