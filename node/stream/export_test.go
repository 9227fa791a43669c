package stream

import (
	"github.com/lockstep-dst/lockstep/node/internal/frame"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// Frame returns a payload as a frame.
func Frame(payload []byte) []byte {
	b, err := frame.Append(nil, payload)
	if err != nil {
		panic(err)
	}
	return b
}

// Payloads returns the payloads of whole frames.
func Payloads(b []byte) (all [][]byte) {
	var d frame.Decoder
	d.Write(b)
	for {
		p, ok, err := d.Next()
		if err != nil {
			panic(err)
		}
		if !ok {
			return all
		}
		all = append(all, append([]byte(nil), p...))
	}
}

// Hellos of other versions.
func ClientHello(oldest, latest uint64) []byte {
	return appendVersions(nil, typeClientHello, clientMagic, versions{oldest, latest})
}

func ServerHello(oldest, latest uint64, h Hello) []byte {
	return appendServerHello(nil, versions{oldest, latest}, h)
}

// Recode decodes a payload of either end and encodes it again.
func Recode(payload []byte) ([]byte, error) {
	var names nameTable
	r := fieldReader{rest: payload[1:], names: &names}
	number := func() uint64 { return r.uint("number", 1<<64-1) }
	switch t := messageType(payload[0]); t {
	case typeClientHello:
		v := r.versions(clientMagic)
		return appendVersions(nil, t, clientMagic, v), r.end()
	case typeServerHello:
		v, h, _ := r.serverHello()
		return appendServerHello(nil, v, h), r.end()
	case typeRequest:
		var q op.Request
		id, remaining, err := r.request(&q)
		return appendRequest(nil, id, remaining, &q), err
	case typeWatch:
		id, credit, s, err := r.watch()
		return appendWatch(nil, id, credit, s), err
	case typeReply:
		id, p, text, err := r.reply()
		return appendReply(nil, id, &p, text), err
	case typeRefused, typeEnd:
		id, code, text, err := r.ending()
		return appendEnd(nil, t, id, code, text), err
	case typeGoaway:
		c, last, text, err := r.goaway()
		return appendGoaway(nil, c, last, text), err
	case typeCredit:
		a, b := number(), number()
		return appendNumbers(nil, t, a, b), r.end()
	case typeCancel, typePing, typeBegin, typeGrant, typePong:
		a := number()
		return appendNumbers(nil, t, a), r.end()
	case typeChanges:
		out := appendNumbers(nil, t, number())
		events, err := r.changes([]watch.Event{})
		for i := range events {
			if err == nil {
				out = mustAppendEvent(out, &events[i])
			}
		}
		return out, err
	}
	return nil, ErrMessage
}
