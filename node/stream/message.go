package stream

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// messageType is the first byte of a message.
type messageType byte

const (
	typeClientHello messageType = 1 + iota
	typeRequest
	typeCancel
	typeWatch
	typeCredit
	typePing
)

const (
	typeServerHello messageType = 17 + iota
	typeReply
	typeRefused
	typeBegin
	typeChanges
	typeEnd
	typeGrant
	typePong
	typeGoaway
)

const (
	clientMagic = "lsclient"
	serverMagic = "lsserver"
)

// maxRemaining bounds the remaining time of a request, in milliseconds: 49 days.
const maxRemaining = maxUint32

// versions is the part of a Hello that both ends send.
type versions struct{ oldest, latest uint64 }

var ours = versions{OldestVersion, Version}

// check returns an error if two ends have no version in common.
func (v versions) check(other versions) error {
	if min(v.latest, other.latest) < max(v.oldest, other.oldest) {
		return fmt.Errorf("%w: this one speaks %d to %d, and the other %d to %d", ErrVersion, v.oldest, v.latest, other.oldest, other.latest)
	}
	return nil
}

func appendVersions(dst []byte, t messageType, magic string, v versions) []byte {
	dst = append(append(dst, byte(t)), magic...)
	return binary.AppendUvarint(binary.AppendUvarint(dst, v.oldest), v.latest)
}

func (r *fieldReader) versions(magic string) (v versions) {
	if len(r.rest) < len(magic) || string(r.rest[:len(magic)]) != magic {
		r.fail("magic", fmt.Sprintf("want %q: the other side speaks something else", magic))
		return v
	}
	r.rest = r.rest[len(magic):]
	v = versions{r.uint("oldest version", maxUint32), r.uint("latest version", maxUint32)}
	if r.err == nil && (v.oldest == 0 || v.oldest > v.latest) {
		r.fail("oldest version", fmt.Sprintf("%d: want 1 to the latest, %d", v.oldest, v.latest))
	}
	return v
}

// Hello is the greeting of a server.
type Hello struct {
	Node       op.NodeID
	Boot       uint64 // boot number of the node
	Operations uint64 // that may be unfinished on the connection, at most MaxCredit
	Watches    uint64 // that may be unfinished on the connection, at most MaxCredit
}

func appendServerHello(dst []byte, v versions, h Hello) []byte {
	dst = appendVersions(dst, typeServerHello, serverMagic, v)
	dst = binary.AppendUvarint(dst, uint64(h.Node))
	dst = binary.AppendUvarint(dst, h.Boot)
	dst = binary.AppendUvarint(dst, h.Operations)
	return binary.AppendUvarint(dst, h.Watches)
}

// serverHello skips fields of later versions.
func (r *fieldReader) serverHello() (versions, Hello, error) {
	v := r.versions(serverMagic)
	h := Hello{
		Node: op.NodeID(r.uint("node", maxUint16)), Boot: r.number("boot"),
		Operations: r.uint("operations", MaxCredit), Watches: r.uint("watches", MaxCredit),
	}
	return v, h, r.err
}

// checkRequest returns an error if a request does not fit into a message.
func checkRequest(q *op.Request) error {
	for _, f := range [...]struct {
		name, value string
		most        int
	}{{"key", q.Key, MaxName}, {"operation", string(q.ID), MaxName}, {"to", q.To, MaxState}} {
		if err := checkName(f.name, f.value, f.most); err != nil {
			return err
		}
	}
	if q.Kind < op.Propose || q.Kind > op.ReadLocal {
		return fmt.Errorf("kind: %d: want 1 to %d: %w", q.Kind, op.ReadLocal, ErrInvalid)
	}
	return nil
}

func appendRequest(dst []byte, id uint64, remaining time.Duration, q *op.Request) []byte {
	ms := min((max(remaining, 0)+time.Millisecond-1)/time.Millisecond, maxRemaining)
	expect := q.Expect
	if !q.Expects {
		expect = 0
	}
	dst = binary.AppendUvarint(append(dst, byte(typeRequest)), id)
	dst = binary.AppendUvarint(dst, uint64(ms))
	dst = append(dst, byte(q.Kind), flags(q.Retry, q.Expects))
	dst = appendString(dst, q.Key)
	dst = appendString(dst, string(q.ID))
	dst = binary.AppendUvarint(dst, uint64(q.Attempt))
	dst = appendString(dst, q.To)
	dst = binary.AppendUvarint(dst, q.Watermark)
	return binary.AppendUvarint(dst, expect)
}

func (r *fieldReader) request(q *op.Request) (id uint64, remaining time.Duration, err error) {
	id = r.number("id")
	remaining = time.Duration(r.uint("remaining", maxRemaining)) * time.Millisecond
	q.Kind = op.Kind(r.byte("kind", byte(op.ReadLocal)))
	if r.err == nil && q.Kind == 0 {
		r.fail("kind", "0")
	}
	bits := r.byte("flags", 3)
	q.Retry, q.Expects = bits&1 != 0, bits&2 != 0
	q.Key = r.string("key", MaxName)
	q.ID = op.ID(r.string("operation", MaxName))
	q.Attempt = uint32(r.uint("attempt", maxUint32))
	q.To = r.name("to", MaxState)
	q.Watermark = r.number("watermark")
	q.Expect = r.number("expect")
	if r.err == nil && !q.Expects && q.Expect != 0 {
		r.fail("expect", "set without its flag")
	}
	return id, remaining, r.end()
}

func appendWatch(dst []byte, id, credit uint64, s watch.Selection) []byte {
	from := s.From
	if !s.Resume {
		from = 0
	}
	dst = binary.AppendUvarint(append(dst, byte(typeWatch)), id)
	dst = append(binary.AppendUvarint(dst, credit), flags(s.Single, s.Resume))
	return binary.AppendUvarint(appendString(dst, s.Prefix), from)
}

func (r *fieldReader) watch() (id, credit uint64, s watch.Selection, err error) {
	id, credit = r.number("id"), r.uint("credit", MaxCredit)
	bits := r.byte("flags", 3)
	s = watch.Selection{Single: bits&1 != 0, Resume: bits&2 != 0, Prefix: r.string("prefix", MaxName), From: r.number("from")}
	if r.err == nil && !s.Resume && s.From != 0 {
		r.fail("from", "set without its flag")
	}
	return id, credit, s, r.end()
}

// appendNumbers appends a message of numbers.
func appendNumbers(dst []byte, t messageType, numbers ...uint64) []byte {
	dst = append(dst, byte(t))
	for _, n := range numbers {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func appendReply(dst []byte, id uint64, p *op.Reply, text string) []byte {
	dst = binary.AppendUvarint(append(dst, byte(typeReply)), id)
	dst = append(dst, byte(p.Outcome), flags(p.Final))
	dst = appendString(dst, validText(string(p.Reason), maxCode))
	dst = appendString(dst, validText(p.State, MaxState))
	dst = binary.AppendUvarint(dst, p.Version)
	dst = binary.AppendUvarint(dst, p.Serial)
	return appendText(dst, text)
}

// reply reads a reply, without the fields that repeat the request.
func (r *fieldReader) reply() (id uint64, p op.Reply, text string, err error) {
	id = r.number("id")
	p.Outcome = op.Outcome(r.byte("outcome", byte(op.Unknown)))
	if r.err == nil && p.Outcome == 0 {
		r.fail("outcome", "0")
	}
	p.Final = r.byte("flags", 1) != 0
	p.Reason = op.Reason(r.name("reason", maxCode))
	p.State = r.name("state", MaxState)
	p.Version, p.Serial = r.number("version"), r.number("serial")
	text = r.string("text", MaxText)
	return id, p, text, r.end()
}

// appendEnd appends a Refused or an End.
func appendEnd(dst []byte, t messageType, id uint64, code op.Reason, text string) []byte {
	dst = appendString(binary.AppendUvarint(append(dst, byte(t)), id), validText(string(code), maxCode))
	return appendText(dst, text)
}

func (r *fieldReader) ending() (id uint64, code op.Reason, text string, err error) {
	id, code, text = r.number("id"), op.Reason(r.name("code", maxCode)), r.string("text", MaxText)
	if r.err == nil && code == "" {
		r.fail("code", "empty")
	}
	return id, code, text, r.end()
}

func appendGoaway(dst []byte, c Code, last uint64, text string) []byte {
	return appendText(appendNumbers(dst, typeGoaway, uint64(c), last), text)
}

func (r *fieldReader) goaway() (c Code, last uint64, text string, err error) {
	c, last, text = Code(r.uint("code", maxUint8)), r.number("last"), r.string("text", MaxText)
	if r.err == nil && c == 0 {
		r.fail("code", "0")
	}
	return c, last, text, r.end()
}
