// Package wire encodes and decodes messages: frames, codecs and the handshake of a
// connection. It does no I/O and never blocks: bytes come in chunks from any source.
//
//	out, err = wire.AppendMessage(out, wire.CBOR{}, m)
//
//	decoder.Write(chunk)
//	for {
//		payload, ok, err := decoder.Next()
//		if err != nil {
//			return err // the stream is lost: close the connection
//		}
//		if !ok {
//			break // until the next chunk
//		}
//		m, err := wire.CBOR{}.Decode(payload)
//		…
//	}
//
// # Frames
//
// A stream is a sequence of frames, as in package frame.
//
// # Messages
//
// Both codecs decode strictly. They refuse unknown fields, repeated fields, null in
// place of a value, wrong types, unknown phases or reasons, text that is not UTF-8,
// names above their maximum length, and bytes after the message. They do not judge
// whether a message makes sense: the node does. Append refuses the same messages, so
// every message sent can be decoded. Every encoded message fits in a frame.
//
// An empty list decodes as nil. A decoded message shares no memory with its bytes.
//
// JSON is for people: it has names for numbers, "7.2.1" for ballots, and omits most
// zero fields. In CBOR (RFC 8949) a message is an array with one encoding: Decode accepts
// only the output of Append.
//
//	proposal        [1, phase, key, ballot, value, next, first]
//	acknowledgment  [2, phase, key, ballot, accepted, value, first, at]
//	reject          [3, phase, key, ballot, reason, promised, first]
//	commit          [4, key, ballot, value, first]
//	read-request    [5, key, read, first]
//	read-report     [6, key, read, accepted, value, first, at]
//	request         [7, kind, key, id, attempt, to, watermark, retry, expects, expect]
//	reply           [8, kind, key, id, attempt, outcome, reason, final, state, version, serial]
//	repair-request  [9, exchange, digest, progress, [range, …], [key, …]]
//	repair-report   [10, exchange, digest, progress, ranges answered, keys answered, [range, …],
//	                 [[key, ballot, chosen], …]]
//	repair-value    [11, key, ballot, value, chosen]
//	introduction    [12, incarnation, boot, life, position, stage, cluster, [[id, incarnation], …],
//	                 [[boot, id, end], …], [[of, by, incarnation, boot, life, position], …], answer, abstains, more]
//
//	ballot          [epoch, round, node, boot]
//	read, exchange  [node, boot, sequence]
//	range           [path, depth, digest]
//	value           [version, serial, state, state before the window, [entry, …]] or null
//	entry           [id, to, kind]; to: the state that a transition leads to, or that an
//	                operation with a tombstone requested
//
// Version 2 of the protocol has older names for some fields in JSON: base for the
// watermark, mass for progress, done and sent for the ranges and keys answered, before
// for the state before the window, recent for the dedup window, made for a transition,
// void for a tombstone.
//
// # Handshake
//
// The payload of the first frame in each direction is a Hello, in a layout that
// does not depend on the codec. The first twelve bytes keep their place in all
// versions of the protocol.
//
//	 0  "lockstep"
//	 8  the latest version of the protocol that the sender speaks, uint16
//	10  the earliest, uint16 (in version 1, which is refused: the node)
//	12  fields: number, byte; length, byte; data
//
//	 1  node, uint16             5  boot, uint64
//	 2  epoch, uint32            6  id of the life, uint64
//	 3  cluster, 16 bytes        7  name of the codec, at most 8 bytes
//	 4  incarnation, 16 bytes
//
// Fields come in the order of their numbers. Later versions may add fields. A receiver
// skips unknown fields from 128 on, and refuses other unknown fields. The first
// messages are introductions, with the memory that the two sides have of each other's
// logs (package member).
//
// Other modules should not import it: docs/API.md promises nothing of it.
package wire
