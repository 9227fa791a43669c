package stream

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// Client is the client's end of one connection. Its methods append to the bytes that
// Take returns. It is not safe for concurrent use.
type Client struct {
	end
	peer       Hello
	operations uint64 // that may be unfinished
	used       [2]uint64
	lastID     uint64
	unfinished map[uint64]exchange
	events     []ClientEvent
	changes    []watch.Event

	taken   uint64 // bytes that Take has returned, less the ones of NotWritten
	written uint64 // bytes appended
	goaway  bool
	lastRun uint64 // with goaway: no request above it was taken
}

// exchange is an unfinished request or watch.
type exchange struct {
	request   *op.Request // nil: it is a watch
	sentAt    uint64      // the place in the stream after its message
	begun     bool        // watch
	cancelled bool
	credit    uint64 // watch: events that may come
}

// The classes of exchanges, as indexes of Client.used.
const (
	operations = 0
	watches    = 1
)

func (x *exchange) class() int {
	if x.request == nil {
		return watches
	}
	return operations
}

// ClientEventKind is the kind of a ClientEvent. It determines which fields count.
type ClientEventKind uint8

// The kinds of events.
const (
	Greeted      ClientEventKind = iota + 1 // Hello: requests may begin
	Replied                                 // ID, Reply, Text: the request is finished
	WatchRefused                            // ID, Code, Text: the watch is finished, and has not begun
	WatchBegun                              // ID
	WatchChanged                            // ID, Changes
	WatchEnded                              // ID, Code, Text: the watch is finished
	Granted                                 // more operations may be unfinished
	Ponged                                  // Token
	WentAway                                // Goaway, Text: the server takes no more, and replies no more
)

// ClientEvent is a message of the server. Its Changes, and the slice that it is in, are
// valid until the next Receive.
type ClientEvent struct {
	Kind    ClientEventKind
	ID      uint64
	Hello   Hello
	Reply   op.Reply // complete: with the key, id and attempt of the request
	Code    op.Reason
	Text    string // for people
	Changes []watch.Event
	Token   uint64
	Goaway  Code
}

// NewClient returns the end of a new connection. Its Hello is ready to be taken.
func NewClient() *Client {
	c := &Client{end: newEnd(), unfinished: map[uint64]exchange{}}
	c.send(func(dst []byte) []byte { return appendVersions(dst, typeClientHello, clientMagic, ours) })
	return c
}

// send appends a message.
func (c *Client) send(encode func(dst []byte) []byte) {
	before := len(c.out)
	c.append(encode)
	c.written += uint64(len(c.out) - before)
}

// Take returns the bytes to be sent, and uses next for further ones. The requests in
// them count as sent.
func (c *Client) Take(next []byte) []byte {
	out := c.out
	c.out = next[:0]
	c.taken += uint64(len(out))
	return out
}

// NotWritten states that the last n bytes of the ones taken were certainly not handed
// to the network, and will not be. It comes before Closed.
func (c *Client) NotWritten(n int) { c.taken -= uint64(n) }

// Free is the number of operations that may begin now.
func (c *Client) Free() int {
	if !c.open() {
		return 0
	}
	return int(c.operations - c.used[operations])
}

// Unfinished is the number of requests and watches that are not finished.
func (c *Client) Unfinished() int { return len(c.unfinished) }

// Peer is the greeting of the server; zero before Greeted.
func (c *Client) Peer() Hello { return c.peer }

// open reports whether requests may begin.
func (c *Client) open() bool { return c.hello && c.err == nil && !c.goaway }

// admit returns the id of a new exchange.
func (c *Client) admit(class int, limit uint64) (uint64, error) {
	switch {
	case c.err != nil || c.goaway || c.lastID == maxUint64:
		return 0, ErrClosed
	case !c.hello || c.used[class] >= limit:
		return 0, ErrNoCredit
	}
	c.used[class]++
	c.lastID++
	return c.lastID, nil
}

// Request sends a request, and returns its id. The client awaits the reply for the
// remaining time; 0: for an unknown time. q must not be changed while the request is
// unfinished. With an error, ErrNoCredit, ErrClosed or one that wraps ErrInvalid,
// nothing is sent.
func (c *Client) Request(q *op.Request, remaining time.Duration) (uint64, error) {
	if err := checkRequest(q); err != nil {
		return 0, err
	}
	id, err := c.admit(operations, c.operations)
	if err != nil {
		return 0, err
	}
	c.send(func(dst []byte) []byte { return appendRequest(dst, id, remaining, q) })
	c.unfinished[id] = exchange{request: q, sentAt: c.written}
	return id, nil
}

// Watch begins a watch that may send credit events, at most MaxCredit. The errors are
// those of Request.
func (c *Client) Watch(s watch.Selection, credit int) (uint64, error) {
	if err := checkName("prefix", s.Prefix, MaxName); err != nil {
		return 0, err
	}
	if credit < 0 || credit > MaxCredit {
		return 0, fmt.Errorf("credit: %d: want 0 to %d: %w", credit, MaxCredit, ErrInvalid)
	}
	id, err := c.admit(watches, c.peer.Watches)
	if err != nil {
		return 0, err
	}
	c.send(func(dst []byte) []byte { return appendWatch(dst, id, uint64(credit), s) })
	c.unfinished[id] = exchange{sentAt: c.written, credit: uint64(credit)}
	return id, nil
}

// Credit grants a watch n more events, and reports whether it is unfinished. Together
// with the ones that it still has, they may be MaxCredit.
func (c *Client) Credit(id uint64, n int) bool {
	x, ok := c.unfinished[id]
	if !ok || x.request != nil || x.cancelled || !c.open() || n <= 0 || x.credit+uint64(n) > MaxCredit {
		return false
	}
	x.credit += uint64(n)
	c.unfinished[id] = x
	c.send(func(dst []byte) []byte { return appendNumbers(dst, typeCredit, id, uint64(n)) })
	return true
}

// Cancel asks the server to finish a request or a watch soon. A watch has no more
// changes. It reports whether that is unfinished and was not cancelled before.
func (c *Client) Cancel(id uint64) bool {
	x, ok := c.unfinished[id]
	if !ok || x.cancelled || !c.open() {
		return false
	}
	x.cancelled = true
	c.unfinished[id] = x
	c.send(func(dst []byte) []byte { return appendNumbers(dst, typeCancel, id) })
	return true
}

// Ping asks for a Ponged with the token.
func (c *Client) Ping(token uint64) {
	if c.open() {
		c.send(func(dst []byte) []byte { return appendNumbers(dst, typePing, token) })
	}
}

// Receive takes bytes from the server, cut anywhere. It returns the events of the
// messages that are complete, with an error also: the ones before it.
func (c *Client) Receive(chunk []byte) ([]ClientEvent, error) {
	clear(c.events)
	c.events, c.changes = c.events[:0], c.changes[:0]
	if c.err != nil {
		return nil, c.err
	}
	c.in.Write(chunk)
	for {
		t, r, ok, err := c.next(typeServerHello)
		if err == nil && ok {
			err = c.receive(t, &r)
		}
		if err != nil {
			c.err = err
		}
		if err != nil || !ok {
			return c.events, err
		}
	}
}

// receive takes one message.
func (c *Client) receive(t messageType, r *fieldReader) error {
	if c.goaway {
		return fmt.Errorf("message of type %d after a Goaway: %w", t, ErrProtocol)
	}
	switch t {
	case typeServerHello:
		return c.onHello(r)
	case typeReply:
		return c.onReply(r)
	case typeRefused:
		return c.onRefused(r)
	case typeBegin, typeChanges, typeEnd:
		return c.onWatch(t, r)
	case typeGrant:
		n := r.uint("n", MaxCredit)
		if err := r.end(); err != nil {
			return err
		}
		if n == 0 || c.operations+n > MaxCredit {
			return fmt.Errorf("credit of %d: want more than 0, and at most %d together: %w", n, MaxCredit, ErrProtocol)
		}
		c.operations += n
		c.add(ClientEvent{Kind: Granted})
	case typePong:
		token := r.number("token")
		if err := r.end(); err != nil {
			return err
		}
		c.add(ClientEvent{Kind: Ponged, Token: token})
	case typeGoaway:
		code, last, text, err := r.goaway()
		if err != nil {
			return err
		}
		c.goaway, c.lastRun = true, last
		c.add(ClientEvent{Kind: WentAway, Goaway: code, Text: text})
	default:
		return fmt.Errorf("type %d: %w", t, ErrMessage)
	}
	return nil
}

func (c *Client) add(e ClientEvent) { c.events = append(c.events, e) }

func (c *Client) onHello(r *fieldReader) error {
	v, h, err := r.serverHello()
	if err != nil {
		return err
	}
	if err := ours.check(v); err != nil {
		return err
	}
	c.peer, c.operations = h, h.Operations
	c.add(ClientEvent{Kind: Greeted, Hello: h})
	return nil
}

// find returns an unfinished exchange that a message is about.
func (c *Client) find(t messageType, id uint64) (exchange, error) {
	x, ok := c.unfinished[id]
	if !ok || !c.sent(&x) {
		return x, fmt.Errorf("message of type %d about %d, which is not unfinished: %w", t, id, ErrProtocol)
	}
	return x, nil
}

// sent reports whether the server may have received the message of x.
func (c *Client) sent(x *exchange) bool { return x.sentAt <= c.taken }

// finish forgets an exchange.
func (c *Client) finish(id uint64, x *exchange) {
	delete(c.unfinished, id)
	c.used[x.class()]--
}

func (c *Client) onReply(r *fieldReader) error {
	id, p, text, err := r.reply()
	if err != nil {
		return err
	}
	x, err := c.find(typeReply, id)
	if err != nil {
		return err
	}
	if x.request == nil {
		return fmt.Errorf("reply to %d, which is a watch: %w", id, ErrProtocol)
	}
	c.finish(id, &x)
	p.Kind, p.Key, p.ID, p.Attempt = x.request.Kind, x.request.Key, x.request.ID, x.request.Attempt
	c.add(ClientEvent{Kind: Replied, ID: id, Reply: p, Text: text})
	return nil
}

// onRefused ends a request that the node has not carried out, or a watch that has not
// begun.
func (c *Client) onRefused(r *fieldReader) error {
	id, code, text, err := r.ending()
	if err != nil {
		return err
	}
	x, err := c.find(typeRefused, id)
	switch {
	case err != nil:
		return err
	case x.begun:
		return fmt.Errorf("refusal of watch %d, which has begun: %w", id, ErrProtocol)
	}
	c.finish(id, &x)
	if x.request == nil {
		c.add(ClientEvent{Kind: WatchRefused, ID: id, Code: code, Text: text})
		return nil
	}
	p := *x.request.NotCarriedOut(code)
	if code == Cancelled {
		p.Outcome = op.Unknown
	}
	c.add(ClientEvent{Kind: Replied, ID: id, Reply: p, Text: text})
	return nil
}

// onWatch takes a message about a watch.
func (c *Client) onWatch(t messageType, r *fieldReader) error {
	var id uint64
	var code op.Reason
	var text string
	var err error
	if t == typeEnd {
		id, code, text, err = r.ending()
	} else if id = r.number("id"); t == typeBegin {
		err = r.end()
	}
	if err != nil || r.err != nil {
		return r.err
	}
	x, err := c.find(t, id)
	if err != nil {
		return err
	}
	if x.request != nil || x.begun == (t == typeBegin) {
		return fmt.Errorf("message of type %d about %d: no watch, or not at this time: %w", t, id, ErrProtocol)
	}
	switch t {
	case typeBegin:
		x.begun = true
		c.unfinished[id] = x
		c.add(ClientEvent{Kind: WatchBegun, ID: id})
	case typeChanges:
		return c.onChanges(r, id, x)
	case typeEnd:
		c.finish(id, &x)
		c.add(ClientEvent{Kind: WatchEnded, ID: id, Code: code, Text: text})
	}
	return nil
}

// onChanges takes the events of a watch. A cancelled watch drops them.
func (c *Client) onChanges(r *fieldReader, id uint64, x exchange) error {
	from := len(c.changes)
	all, err := r.changes(c.changes)
	c.changes = all
	n := uint64(len(all) - from)
	switch {
	case err != nil:
		return err
	case n > x.credit:
		return fmt.Errorf("%d events of watch %d, which has credit for %d: %w", n, id, x.credit, ErrProtocol)
	}
	x.credit -= n
	c.unfinished[id] = x
	if !x.cancelled {
		c.add(ClientEvent{Kind: WatchChanged, ID: id, Changes: all[from:len(all):len(all)]})
	}
	return nil
}

// Lost is an exchange that is unfinished when its connection ends. NeverSent is set if
// the server certainly has not taken it.
type Lost struct {
	ID        uint64
	NeverSent bool
}

// Closed states that the connection has ended, and returns the unfinished exchanges
// in the order of their ids. The end takes nothing more.
func (c *Client) Closed() []Lost {
	if c.err == nil {
		c.err = ErrClosed
	}
	var all []Lost
	for _, id := range slices.Sorted(maps.Keys(c.unfinished)) {
		x := c.unfinished[id]
		all = append(all, Lost{ID: id, NeverSent: !c.sent(&x) || c.goaway && id > c.lastRun})
	}
	clear(c.unfinished)
	c.used = [2]uint64{}
	return all
}

// Fits reports whether a request has a message: its texts are not too long for one.
func Fits(q *op.Request) bool { return checkRequest(q) == nil }
