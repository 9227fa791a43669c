package member

import "fmt"

// Life is one life of a node: from a start to the next.
type Life struct {
	Boot uint64 // its number
	ID   uint64 // random; two lives with the same number differ in it
	End  uint64 // the position at which the next life found the log to end; 0 in the current life
}

// Memory is what a member remembers of another's log.
type Memory struct {
	Incarnation [16]byte // of the log; zero: unknown
	Boot        uint64   // of the last life that it was introduced to; 0: none
	Life        uint64   // the id of that life
	Position    uint64   // up to which it was told that the log is durable in that life
}

// Log is what a log says about itself.
type Log struct {
	Incarnation [16]byte
	Boot, Life  uint64 // of the current life
	Past        []Life // of earlier lives, in the order of their numbers
	Complete    bool   // Past has all of them, or the last maxLives
}

// Discrepancy is what a memory holds against a log.
type Discrepancy uint8

// The charges. All but None keep the log's node from being heard.
const (
	None      Discrepancy = iota // the log goes on from what is remembered
	Unproven                     // not shown: the life that is remembered is not among the ones told of
	Stale                        // the log's life is earlier than the one remembered: a late message, or an older copy
	OlderCopy                    // the log lacks the life that is remembered, or the end of it
	OtherLog                     // it is another log: the directory was wiped or replaced
)

func (c Discrepancy) String() string {
	return [...]string{"none", "unproven", "stale", "older-copy", "other-log"}[c]
}

// provesLoss reports whether the charge shows, by itself, that the log's node has lost
// promises.
func (c Discrepancy) provesLoss() bool { return c >= OlderCopy }

// compare is what m holds against a log.
func (m Memory) compare(l Log) Discrepancy {
	switch {
	case m.Incarnation != [16]byte{} && m.Incarnation != l.Incarnation:
		return OtherLog
	case m.Boot == 0:
		return None
	case l.Boot < m.Boot && l.Complete:
		return OlderCopy
	case l.Boot < m.Boot:
		return Stale
	case l.Boot == m.Boot && l.Life == m.Life:
		return None
	case l.Boot == m.Boot:
		return OlderCopy
	}
	for _, life := range l.Past {
		if life.Boot != m.Boot {
			continue
		}
		if life.ID != m.Life || life.End < m.Position {
			return OlderCopy
		}
		return None
	}
	if l.Complete && (len(l.Past) < maxLives || m.Boot > l.Past[0].Boot) {
		return OlderCopy
	}
	return Unproven
}

// olderThan reports whether m is from before another memory of the same log.
func (m Memory) olderThan(o Memory) bool {
	if m.Boot != o.Boot {
		return m.Boot < o.Boot
	}
	return m.Life == o.Life && m.Position < o.Position
}

// String is the memory in words.
func (m Memory) String() string {
	if m.Boot == 0 {
		return fmt.Sprintf("incarnation %x", m.Incarnation[:4])
	}
	return fmt.Sprintf("incarnation %x, boot %d as life %016x, log durable to %d", m.Incarnation[:4], m.Boot, m.Life, m.Position)
}
