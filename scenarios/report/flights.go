package report

import (
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// The fates of messages.
const (
	delivered = "delivered"
	dropped   = "dropped"
	lost      = "lost"
	open      = "open"
)

// setFate sets the decision of the network about a message when it was sent.
func (m *Message) setFate(v *netmodel.Verdict) {
	if v.Breaks || v.EndsConnection() {
		m.Ends = new(Time(v.At))
	}
	if v.Fate == netmodel.Drop {
		m.Fate, m.Cause, m.Damaged = dropped, v.Cause.String(), v.Cause == netmodel.Corrupted
		return
	}
	m.Fate = open
	m.Arrivals = append(m.Arrivals, Arrival{Due: Time(v.At), At: Time(v.At)})
	if v.Duplicate {
		m.Arrivals = append(m.Arrivals, Arrival{Due: Time(v.CopyAt), At: Time(v.CopyAt)})
	}
}

// flights are the arrivals that are to come, by the looks of a message that
// arrives. Messages of one kind that are alike arrive in the order in which they are due.
type flights map[flightKey][]flight

type flightKey struct {
	from, to sim.ID
	fate     uint64
	digest   uint64
}

type flight struct{ message, arrival int }

func keyOf(from, to sim.ID, m sim.Message) flightKey {
	return flightKey{from, to, m.FateKey(), m.Digest()}
}

// depart notes the arrivals of the i-th message.
func (f flights) depart(l sim.TraceLine, i int, m *Message) {
	key := keyOf(l.ID, l.To, l.Message)
	for a := range m.Arrivals {
		f[key] = append(f[key], flight{i, a})
	}
}

// land notes the arrival of a message in the event here, or its loss there. It returns the
// message, nil if it was sent before the record began, and whether it is a copy.
func (f flights) land(messages []Message, l sim.TraceLine, here int, lostTo string) (message *int, isCopy bool) {
	if l.Message == nil || l.From == 0 {
		return nil, false
	}
	key := keyOf(l.From, l.ID, l.Message)
	due := f[key]
	if len(due) == 0 {
		return nil, false
	}
	next := 0
	for i := range due {
		if messages[due[i].message].Arrivals[due[i].arrival].Due < messages[due[next].message].Arrivals[due[next].arrival].Due {
			next = i
		}
	}
	d := due[next]
	f[key] = append(due[:next:next], due[next+1:]...)
	m := &messages[d.message]
	a := &m.Arrivals[d.arrival]
	a.Event, a.At, a.Lost = new(here), Time(l.At), lostTo
	switch {
	case lostTo == "":
		m.Fate, m.Cause = delivered, ""
	case m.Fate == open:
		m.Fate, m.Cause = lost, lostTo
	}
	return new(d.message), d.arrival > 0
}
