package board

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node/input"
)

// Mutant is a known bug, and how soon campaigns have found it.
type Mutant struct {
	Mutant  string  `json:"mutant"`
	Class   string  `json:"class"`
	Verdict string  `json:"verdict"`
	Kills   int     `json:"kills"`
	Starts  int     `json:"starts"`       // campaigns
	Seeds   uint64  `json:"seeds"`        // median over the campaigns
	Seconds float64 `json:"core_seconds"` // median of the processor time
}

// errMutants is wrapped by errors about a file of mutants.
var errMutants = errors.New("want the file that mutants --results writes")

const maxMutantsFile = 64 << 20 // bytes

// ReadMutants reads the results of a hunt for mutants, a line each, the soonest found
// first. Of a mutant that was tested more than once the last result counts.
func ReadMutants(name string) ([]Mutant, error) {
	data, err := input.ReadFile(name, maxMutantsFile)
	if err != nil {
		return nil, err
	}
	last := map[string]Mutant{}
	for i, line := range bytes.Split(data, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var l struct{ Finding Mutant }
		if err := json.Unmarshal(line, &l); err != nil || l.Finding.Mutant == "" {
			return nil, errors.Join(fmt.Errorf("%s, line %d: %w", name, i+1, errMutants), err)
		}
		last[l.Finding.Mutant] = l.Finding
	}
	var list []Mutant
	for _, m := range last {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b Mutant) int {
		return cmp.Or(cmp.Compare(b.found(), a.found()), cmp.Compare(a.Seeds, b.Seeds), cmp.Compare(a.Mutant, b.Mutant))
	})
	return list, nil
}

// found is 1 if a campaign has found the mutant.
func (m *Mutant) found() int { return min(m.Kills, 1) }
