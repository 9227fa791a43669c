package service

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// Check is one condition of a node's readiness to serve clients.
type Check struct {
	Name   string // log, membership, majority or stopping
	Reason string // why it does not hold, for people; empty: it holds
}

// Surroundings is a runtime's knowledge of its node, which the service lacks.
type Surroundings struct {
	Now       time.Duration // local time
	Ended     error         // the node has ended, and why; nil: it runs
	Connected []node.ID     // peers that there is a connection to
}

// Readiness returns the conditions under which a node can serve clients: its log recovers
// and becomes durable, it takes part in its cluster, it reaches a majority, and it is not
// about to stop. It changes nothing.
func (s *Service) Readiness(x Surroundings) []Check {
	if x.Ended != nil { // the rest follows from this
		return []Check{{"stopping", x.Ended.Error()}}
	}
	return []Check{
		{"log", s.checkLog(x)},
		{"membership", s.checkMembership()},
		{"majority", s.checkMajority(x)},
		{"stopping", s.checkStopping()},
	}
}

func (s *Service) checkLog(x Surroundings) string {
	u := &s.unsynced
	switch {
	case !s.node.Ready():
		return "its log is not recovered yet"
	case u.behind && x.Now-u.since > s.cfg.ReadyTimeout:
		return fmt.Sprintf("its disk has made no record durable for %v", round(x.Now-u.since))
	}
	return ""
}

func (s *Service) checkMembership() string {
	if st := s.member.Status(); s.node.Ready() && !st.Ready {
		return strings.Join(st.NotReadyReasons, "; ")
	}
	return ""
}

// checkMajority counts the peers that a message would reach and an answer may come from.
func (s *Service) checkMajority(x Surroundings) string {
	st := s.member.Status()
	reached, silent := []node.ID{s.member.ID()}, ""
	for _, id := range x.Connected {
		if st.Rejected[id] != "" { // it is no help
			continue
		}
		if silence := s.contacts.silence(x.Now, id); silence > s.cfg.ReadyTimeout {
			silent += fmt.Sprintf("; node %d has answered nothing for %v", id, round(silence))
			continue
		}
		reached = append(reached, id)
	}
	c := s.member.Configuration()
	if c == nil {
		return lacks("members", st.Members, reached, silent)
	}
	if why := lacks("voters", c.Voters, reached, silent); why != "" || !c.Joint() {
		return why
	}
	return lacks("voters to be", c.Next, reached, silent)
}

// lacks says that a majority of some nodes is not reached; empty: it is.
func lacks(what string, of, reached []node.ID, silent string) string {
	n := 0
	for _, id := range of {
		if slices.Contains(reached, id) {
			n++
		}
	}
	if majority := len(of)/2 + 1; n < majority {
		return fmt.Sprintf("it reaches %d of %d %s, itself included, and needs %d%s", n, len(of), what, majority, silent)
	}
	return ""
}

func (s *Service) checkStopping() string {
	if s.draining {
		return "it is stopping"
	}
	return ""
}

// round shortens a duration for people.
func round(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }

// NotReady joins the reasons of the checks that fail; empty: the node is ready.
func NotReady(checks []Check) string {
	var why []string
	for _, c := range checks {
		if c.Reason != "" {
			why = append(why, c.Reason)
		}
	}
	return strings.Join(why, "; ")
}
