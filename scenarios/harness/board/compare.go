package board

import "slices"

// Word says how the failures of a signature stand in a campaign against the earlier ones.
type Word string

// The words. A campaign that did not run the first seed of a failure says nothing about
// it: its state is the one before.
const (
	New       Word = "new"       // in no campaign before
	Ongoing   Word = "ongoing"   // in the one before too
	Gone      Word = "gone"      // in the one before, and not in this one, which ran its first seed
	Regressed Word = "regressed" // it was gone, and is back
)

// Standing is one signature in one campaign.
type Standing struct {
	Signature string `json:"signature"`
	Word      Word   `json:"word"`
	Count     uint64 `json:"count"`             // of failures in this campaign
	First     uint64 `json:"first_seed,string"` // the lowest seed, in this campaign or the last that had one
	Replay    string `json:"replay,omitempty"`  // the line that repeats it
}

// lineage names the campaigns that are compared with each other: of one system, and of
// plans that depend on the seed alone.
type lineage struct{ system, plans string }

func (r *Record) lineage() lineage { return lineage{r.System, r.Plans} }

// known is the past of a signature in the campaigns of a lineage.
type known struct {
	last Signature
	gone bool
}

// Compare returns the standings of each record against the earlier ones of the list, the
// oldest first: of its own signatures in their order, and then of the signatures that are gone.
func Compare(records []Record) [][]Standing {
	all := make([][]Standing, len(records))
	seen := map[lineage]*signatures{}
	for i := range records {
		r := &records[i]
		past := seen[r.lineage()]
		if past == nil {
			past = &signatures{byName: map[string]*known{}}
			seen[r.lineage()] = past
		}
		all[i] = past.compare(r)
	}
	return all
}

// signatures are all that a lineage has shown, in the order in which they came.
type signatures struct {
	names  []string
	byName map[string]*known
}

func (s *signatures) compare(r *Record) (list []Standing) {
	has := map[string]bool{}
	for _, g := range r.Signatures {
		has[g.Signature] = true
		list = append(list, Standing{g.Signature, s.meet(g), g.Count, g.First, g.Replay})
	}
	for _, name := range s.names {
		k := s.byName[name]
		if has[name] || k.gone || r.More > 0 || !r.covers(k.last.First) {
			continue
		}
		k.gone = true
		list = append(list, Standing{Signature: name, Word: Gone, First: k.last.First, Replay: k.last.Replay})
	}
	return list
}

// meet notes a signature that a campaign has, and returns its word.
func (s *signatures) meet(g Signature) Word {
	k := s.byName[g.Signature]
	if k == nil {
		s.names = append(s.names, g.Signature)
		s.byName[g.Signature] = &known{last: g}
		return New
	}
	was := k.gone
	*k = known{last: g}
	if was {
		return Regressed
	}
	return Ongoing
}

// LastGood returns the revision of the newest campaign in a folder that ran the first seed of
// a signature of a campaign of a fleet before it, and did not show it: of the same plans, and of
// a known revision without changes. It is empty if there is none.
func LastGood(dir, campaign, signature string) (revision string, err error) {
	records, err := recordsUntil(dir, campaign)
	if err != nil || len(records) == 0 {
		return "", err
	}
	last := &records[len(records)-1]
	at := slices.IndexFunc(last.Signatures, func(g Signature) bool { return g.Signature == signature })
	if at < 0 {
		return "", nil
	}
	for _, r := range slices.Backward(records[:len(records)-1]) {
		shows := r.More > 0 || slices.ContainsFunc(r.Signatures, func(g Signature) bool { return g.Signature == signature })
		if r.lineage() == last.lineage() && r.Build.Revision != "" && !r.Build.Modified && !shows && r.covers(last.Signatures[at].First) {
			return r.Build.Revision, nil
		}
	}
	return "", nil
}
