package service

import "github.com/lockstep-dst/lockstep/node"

// maxRereads bounds the reads of machines that were read before, for each machine of a
// listing of keys.
const maxRereads = 8

// readValues begins the reads of a listing of keys.
func (s *Service) readValues(l *listing) {
	for _, key := range l.query.Keys {
		l.page.Machines = append(l.page.Machines, Listed{Key: key})
	}
	l.full, l.page.FirstSerial = true, s.node.FirstSerial()
	l.values = make([]*node.Value, len(l.query.Keys))
	l.replies = make([]*node.Reply, len(l.query.Keys))
	s.readMore(l)
}

// keepValue keeps the value of a machine that was just read. If this node has not learnt
// one as recent, since another node has answered the read in its place, the machine is
// read again.
func (s *Service) keepValue(l *listing, i int) {
	v, read := s.latest(l.page.Machines[i].Key), l.replies[i]
	switch {
	case v != nil && v.Serial >= read.Serial:
		l.values[i] = v
	case read.Serial == s.node.FirstSerial(): // the machine has no entry
	case l.rereads == maxRereads*len(l.values):
		s.endListing(l, (&node.Request{}).NotCarriedOut(node.Timeout), nil)
	default:
		l.rereads++
		l.again = append(l.again, i)
	}
}

// keepValues makes the machines that were read, and have an entry, the result.
func (l *listing) keepValues() {
	for i, v := range l.values {
		if v != nil && len(v.Window) > 0 {
			l.page.Values = append(l.page.Values, Known{l.page.Machines[i].Key, v})
		}
	}
	l.page.Machines = nil
}
