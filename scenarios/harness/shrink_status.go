package harness

import (
	"fmt"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// shrinkStatus is the progress of a search for a small plan.
type shrinkStatus struct {
	mu   sync.Mutex
	size planSize
	runs int
}

// update is called by the search.
func (s *shrinkStatus) update(smallest *scenarios.Plan, runs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size, s.runs = sizeOf(smallest), runs
}

// text describes the progress.
func (s *shrinkStatus) text(since time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs == 0 {
		return whole(since) + ", the first run"
	}
	return fmt.Sprintf("%s, %s, the smallest plan has %v", whole(since), plural(s.runs, "run"), s.size)
}
