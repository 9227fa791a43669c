package campaign

import (
	"encoding/binary"
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// Trail is the part of a summary by which Joint.Append adds it to the summary of the seeds
// before: the hash of all runs is a chain, and the number of seeds until the last news
// depends on the order in which things were seen.
type Trail struct {
	Hashes []byte `json:"hashes"` // of the runs, in the order of their seeds, 8 bytes each, the lowest first
	News   []News `json:"news"`   // in the order of their seeds
}

// News is something that a campaign saw for the first time.
type News struct {
	Seeds uint64 `json:"seeds"` // how many there were until then, the one that showed it included
	What  string `json:"what"`  // a mark by its number, a pair of families, or a signature
}

func markNews(i int) string                  { return fmt.Sprintf("mark %d", i) }
func pairNews(p scenarios.FamilyPair) string { return "pair " + p.String() }
func signatureNews(signature string) string  { return "signature " + signature }

// hashSize is the length of the hash of a run, in bytes.
const hashSize = 8

// clone is a copy that shares nothing with t.
func (t *Trail) clone() *Trail {
	if t == nil {
		return nil
	}
	return &Trail{append([]byte(nil), t.Hashes...), append([]News(nil), t.News...)}
}

// addRun adds the hash of the next run.
func (t *Trail) addRun(hash uint64) {
	if t != nil {
		t.Hashes = binary.LittleEndian.AppendUint64(t.Hashes, hash)
	}
}

// runs yields the hashes of the runs.
func (t *Trail) runs(yield func(uint64) bool) {
	for h := t.Hashes; len(h) >= hashSize; h = h[hashSize:] {
		if !yield(binary.LittleEndian.Uint64(h)) {
			return
		}
	}
}

// addNews notes that the seed that was counted last has shown something new.
func (s *Summary) addNews(what string) {
	s.LastNew = s.Seeds
	if s.Trail != nil {
		s.Trail.News = append(s.Trail.News, News{s.Seeds, what})
	}
}

// addFamilies counts the families of faults that a plan has.
func (s *Summary) addFamilies(list []scenarios.Family) {
	before := s.Coverage
	s.Coverage.AddFamilies(list)
	for _, p := range s.Coverage.MetSince(&before) {
		s.addNews(pairNews(p))
	}
}
