package stream

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node/arena"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// Server is the node's end of one connection. Its methods append to the bytes that Take
// returns. It is not safe for concurrent use.
type Server struct {
	end
	operations uint64           // that may be unfinished
	running    map[uint64]bool  // unfinished requests; set: cancelled
	watches    map[uint64]*feed // unfinished watches
	limits     Hello            //
	lastID     uint64           // of the requests and watches taken
	gone       bool             // a Goaway was sent
	events     []ServerEvent    //
	requests   arena.Arena[op.Request]
}

// feed is an unfinished watch.
type feed struct {
	begun, cancelled bool
	credit           uint64 // events that may be sent
}

// ServerEventKind is the kind of a ServerEvent. It determines which fields count.
type ServerEventKind uint8

// The kinds of events.
const (
	Called         ServerEventKind = iota + 1 // ID, Request, Remaining
	WatchRequested                            // ID, Selection
	CallCancelled                             // ID: of an unfinished request, once
	WatchCancelled                            // ID: of an unfinished watch, once
	WatchCredited                             // ID: Credit has grown
)

// ServerEvent is a message of the client. The slice that it is in is valid until the
// next Receive.
type ServerEvent struct {
	Kind      ServerEventKind
	ID        uint64
	Request   *op.Request     // no further use of it is made
	Remaining time.Duration   // the client awaits the reply for this time; 0: for an unknown time
	Selection watch.Selection //
}

// NewServer returns the end of a new connection. Its Hello is ready to be taken.
func NewServer(h Hello) *Server {
	s := &Server{end: newEnd(), limits: h, operations: h.Operations, running: map[uint64]bool{}, watches: map[uint64]*feed{}}
	s.append(func(dst []byte) []byte { return appendServerHello(dst, ours, h) })
	return s
}

// Take returns the bytes to be sent, and uses next for further ones.
func (s *Server) Take(next []byte) []byte {
	out := s.out
	s.out = next[:0]
	return out
}

// Unfinished is the number of requests and watches that are not finished.
func (s *Server) Unfinished() int { return len(s.running) + len(s.watches) }

// Receive takes bytes from the client, cut anywhere. It returns the events of the
// messages that are complete, with an error also: the ones before it. With an error a
// Goaway is ready to be taken, and nothing more is received.
func (s *Server) Receive(chunk []byte) ([]ServerEvent, error) {
	clear(s.events)
	s.events = s.events[:0]
	if s.err != nil {
		return nil, s.err
	}
	s.in.Write(chunk)
	for {
		t, r, ok, err := s.next(typeClientHello)
		if err == nil && ok {
			err = s.receive(t, &r)
		}
		if err != nil {
			s.fail(err)
		}
		if err != nil || !ok {
			return s.events, err
		}
	}
}

// fail ends the connection because of the client.
func (s *Server) fail(err error) {
	code := ProtocolError
	if errors.Is(err, ErrVersion) {
		code = VersionMismatch
	}
	s.Goaway(code, err.Error())
	s.err = err
}

// receive takes one message.
func (s *Server) receive(t messageType, r *fieldReader) error {
	switch t {
	case typeClientHello:
		v := r.versions(clientMagic)
		if r.err != nil {
			return r.err
		}
		return ours.check(v)
	case typeRequest:
		return s.onRequest(r)
	case typeWatch:
		return s.onWatch(r)
	case typeCancel:
		id := r.number("id")
		if err := r.end(); err != nil {
			return err
		}
		return s.onCancel(id)
	case typeCredit:
		id, n := r.number("id"), r.uint("n", MaxCredit)
		if err := r.end(); err != nil {
			return err
		}
		return s.onCredit(id, n)
	case typePing:
		token := r.number("token")
		if err := r.end(); err != nil {
			return err
		}
		s.append(func(dst []byte) []byte { return appendNumbers(dst, typePong, token) })
		return nil
	}
	return fmt.Errorf("type %d: %w", t, ErrMessage)
}

// admit takes the id of a new exchange.
func (s *Server) admit(id uint64, used int, limit uint64) error {
	switch {
	case id <= s.lastID:
		return fmt.Errorf("id %d after %d: ids only grow: %w", id, s.lastID, ErrProtocol)
	case uint64(used) >= limit:
		return fmt.Errorf("id %d: %d are unfinished, and there was no credit for another: %w", id, used, ErrProtocol)
	}
	s.lastID = id
	return nil
}

func (s *Server) onRequest(r *fieldReader) error {
	q := s.requests.Make(8)
	id, remaining, err := r.request(q)
	if err == nil {
		err = s.admit(id, len(s.running), s.operations)
	}
	if err != nil {
		return err
	}
	s.running[id] = false
	s.events = append(s.events, ServerEvent{Kind: Called, ID: id, Request: q, Remaining: remaining})
	return nil
}

func (s *Server) onWatch(r *fieldReader) error {
	id, credit, selection, err := r.watch()
	if err == nil {
		err = s.admit(id, len(s.watches), s.limits.Watches)
	}
	if err != nil {
		return err
	}
	s.watches[id] = &feed{credit: credit}
	s.events = append(s.events, ServerEvent{Kind: WatchRequested, ID: id, Selection: selection})
	return nil
}

// used returns an error if a message names an exchange that the client has not begun.
func (s *Server) used(id uint64) error {
	if id == 0 || id > s.lastID {
		return fmt.Errorf("message about %d, which was not requested: %w", id, ErrProtocol)
	}
	return nil
}

// onCancel ignores exchanges that are finished: their end crossed the message.
func (s *Server) onCancel(id uint64) error {
	if f := s.watches[id]; f != nil && !f.cancelled {
		f.cancelled = true
		s.events = append(s.events, ServerEvent{Kind: WatchCancelled, ID: id})
	} else if cancelled, ok := s.running[id]; ok && !cancelled {
		s.running[id] = true
		s.events = append(s.events, ServerEvent{Kind: CallCancelled, ID: id})
	}
	return s.used(id)
}

func (s *Server) onCredit(id, n uint64) error {
	f := s.watches[id]
	switch {
	case f == nil:
		return s.used(id)
	case n == 0 || f.credit+n > MaxCredit:
		return fmt.Errorf("credit of %d for watch %d: want more than 0, and at most %d together: %w", n, id, MaxCredit, ErrProtocol)
	}
	f.credit += n
	s.events = append(s.events, ServerEvent{Kind: WatchCredited, ID: id})
	return nil
}

// Reply finishes a request. text explains a reply that is no commit to people. It
// reports false, and sends nothing, if the request is finished or the connection ends.
func (s *Server) Reply(id uint64, p *op.Reply, text string) bool {
	if !s.finishRequest(id) {
		return false
	}
	s.append(func(dst []byte) []byte { return appendReply(dst, id, p, text) })
	return true
}

// Refuse finishes a request that the node has not carried out and will not, or a watch
// that has not begun. With Cancelled the request may yet be carried out. It reports as
// Reply does.
func (s *Server) Refuse(id uint64, code op.Reason, text string) bool {
	if f := s.watches[id]; f != nil && !f.begun && !s.gone {
		delete(s.watches, id)
	} else if !s.finishRequest(id) {
		return false
	}
	s.append(func(dst []byte) []byte { return appendEnd(dst, typeRefused, id, code, text) })
	return true
}

func (s *Server) finishRequest(id uint64) bool {
	if _, ok := s.running[id]; !ok || s.gone {
		return false
	}
	delete(s.running, id)
	return true
}

// Begin states that a watch begins. It reports as Reply does.
func (s *Server) Begin(id uint64) bool {
	f := s.watches[id]
	if f == nil || f.begun || s.gone {
		return false
	}
	f.begun = true
	s.append(func(dst []byte) []byte { return appendNumbers(dst, typeBegin, id) })
	return true
}

// Credit is the number of events that a watch may send now; 0 if it has not begun or is
// finished.
func (s *Server) Credit(id uint64) int {
	f := s.watches[id]
	if f == nil || !f.begun || s.gone {
		return 0
	}
	return int(f.credit)
}

// fullChanges is the length in bytes from which a Changes takes no further event.
const fullChanges = 16 << 10

// Changes sends the first of the events of a watch, as far as its credit goes, and
// returns their number.
func (s *Server) Changes(id uint64, events []watch.Event) int {
	n := min(len(events), s.Credit(id))
	for sent := 0; sent < n; {
		s.append(func(dst []byte) []byte {
			start := len(dst)
			dst = appendNumbers(dst, typeChanges, id)
			for sent < n && len(dst)-start < fullChanges {
				dst = mustAppendEvent(dst, &events[sent])
				sent++
			}
			return dst
		})
	}
	if n > 0 {
		s.watches[id].credit -= uint64(n)
	}
	return n
}

// mustAppendEvent appends an event about a machine. Others have messages of their own.
func mustAppendEvent(dst []byte, e *watch.Event) []byte {
	dst, ok := appendEvent(dst, e)
	if !ok {
		panic("broken invariant: stream: an event of Changes is about a machine")
	}
	return dst
}

// End finishes a watch that has begun. It reports as Reply does.
func (s *Server) End(id uint64, code op.Reason, text string) bool {
	if f := s.watches[id]; f == nil || !f.begun || s.gone {
		return false
	}
	delete(s.watches, id)
	s.append(func(dst []byte) []byte { return appendEnd(dst, typeEnd, id, code, text) })
	return true
}

// Grant lets n more operations be unfinished, at most MaxCredit together.
func (s *Server) Grant(n int) {
	if n <= 0 || s.gone || s.operations+uint64(n) > MaxCredit {
		return
	}
	s.operations += uint64(n)
	s.append(func(dst []byte) []byte { return appendNumbers(dst, typeGrant, uint64(n)) })
}

// Goaway sends the last message, once. Receive returns ErrClosed from then on.
func (s *Server) Goaway(code Code, text string) {
	if s.gone {
		return
	}
	s.gone = true
	if s.err == nil {
		s.err = ErrClosed
	}
	s.append(func(dst []byte) []byte { return appendGoaway(dst, code, s.lastID, text) })
}
