package member

import "fmt"

// Life is one life of a node: from a start to the next.
type Life struct {
	Boot uint64 // number of the start
	ID   uint64 // random; tells lives with the same number apart
	End  uint64 // end of the log as the next life found it; 0 in the current life
}

// Memory is a member's knowledge of another member's log.
type Memory struct {
	Incarnation [16]byte // of the log; zero: unknown
	Boot        uint64   // of the last life that was introduced; 0: none
	Life        uint64   // id of that life
	Position    uint64   // up to which the log was reported durable in that life
}

// Log is the identity of a log and the lives that it lists.
type Log struct {
	Incarnation [16]byte
	Boot, Life  uint64 // of the current life
	Past        []Life // earlier lives, by boot
	Complete    bool   // Past has all of them, or the last maxLives
}

// Discrepancy is a contradiction between a memory and a log. A greater one is
// worse.
type Discrepancy uint8

// The discrepancies. With any but None, the log's node is not admitted.
const (
	None      Discrepancy = iota // the log continues from the memory
	Unproven                     // the remembered life is not among the lives shown
	Stale                        // the log's life is earlier than the remembered one: a late message, or an older copy
	OlderCopy                    // the log lacks the remembered life, or the end of it
	OtherLog                     // the incarnation differs: the directory was wiped or replaced
)

func (c Discrepancy) String() string {
	return [...]string{"none", "unproven", "stale", "older-copy", "other-log"}[c]
}

// provesLoss reports whether the discrepancy alone proves that the log's node has
// lost promises.
func (c Discrepancy) provesLoss() bool { return c >= OlderCopy }

// compare returns the discrepancy between m and a log.
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

// olderThan reports whether m is earlier than another memory of the same log.
func (m Memory) olderThan(o Memory) bool {
	if m.Boot != o.Boot {
		return m.Boot < o.Boot
	}
	return m.Life == o.Life && m.Position < o.Position
}

// String formats the memory for people.
func (m Memory) String() string {
	if m.Boot == 0 {
		return fmt.Sprintf("incarnation %x", m.Incarnation[:4])
	}
	return fmt.Sprintf("incarnation %x, boot %d as life %016x, log durable to %d", m.Incarnation[:4], m.Boot, m.Life, m.Position)
}
