package service

import (
	"fmt"
	"strconv"

	"github.com/lockstep-dst/lockstep/node"
)

// read returns a request of the service itself to read a machine.
func (s *Service) read(key string) *node.Request {
	s.reads++
	name := "s" + strconv.FormatUint(s.member.Life(), 36) + "-" + strconv.FormatUint(s.reads, 36)
	return &node.Request{Kind: node.Read, Key: key, ID: node.Once(name), Attempt: 1}
}

func busyWatchers(n int) error { return fmt.Errorf("%w: %d watch this node: try another", ErrBusy, n) }

func errResumeAhead(w *watcher, version uint64) error {
	return fmt.Errorf("from %d: %s is at version %d: resume from a version that it has had", w.query.From, w.query.Prefix, version)
}
