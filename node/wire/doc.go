// Package wire encodes and decodes messages: frames, codecs and the handshake of a
// connection. It does no I/O and never blocks: bytes come in chunks from any source.
//
//	out, err = wire.AppendMessage(out, wire.Binary{}, m)
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
//		m, err := wire.Binary{}.Decode(payload)
//		…
//	}
//
// # Frames
//
// A stream is a sequence of frames, as in package frame.
//
// # Messages
//
// All codecs decode strictly. They refuse unknown fields, repeated fields, null in
// place of a value, wrong types, unknown phases or reasons, text that is not UTF-8,
// names above their maximum length, and bytes after the message. They do not judge
// whether a message makes sense: the node does. Append refuses the same messages, so
// every message sent can be decoded. Every encoded message fits in a frame.
//
// An empty list decodes as nil. A decoded message shares no memory with its bytes.
//
// Binary is for nodes. JSON is for people: it has names for numbers, "7.2.1" for ballots,
// and omits most zero fields. CBOR (RFC 8949) is what builds without Binary send, and what
// other programs can read. In Binary and CBOR a message has one encoding: Decode accepts
// only the output of Append.
//
// # Binary
//
// A message is its type, a byte with flags, and its fields. A flag says that a field is
// not zero, or the field is a flag and no more. Flags are given to the fields in their
// order, the lowest bit first; the others are 0.
//
//	 1 proposal        key+first, accept?, ballot?, next? (of a prepare: known?), value?
//	 2 acknowledgment  key+first, accept?, ballot?, accepted?, at, value?
//	 3 reject          key+first, accept?, ballot?, reason, promised?
//	 4 commit          key+first, ballot?, value?
//	 5 read-request    key+first, read
//	 6 read-report     key+first, read, accepted?, at, value?
//	 7 request         key+to, id, kind, attempt, watermark, retry?, expects?, expect
//	 8 reply           key+id, kind, attempt, outcome, reason, final?, state, version, serial
//	 9 repair-request  exchange, digest, progress, [range, …], [key, …]
//	10 repair-report   exchange, digest, progress, ranges answered, keys answered, [range, …],
//	                   [flags key ballot? chosen?, …]
//	11 repair-value    key, ballot?, chosen?, value?
//	12 introduction    incarnation?, boot, life, position, stage, cluster?, [flags id incarnation?, …],
//	                   [boot id end, …], [flags of by incarnation? boot life position, …],
//	                   answer?, abstains?, more
//	13 extended-accept key+first, ballot?, next?, base?, dropped, [entry, …]
//
//	a number           a varint (LEB128), no longer than it needs
//	digest, life, id of a life
//	                   uint64: they are as good as random
//	incarnation, cluster
//	                   16 bytes
//	a text, more       length, bytes
//	key+first          length, length, bytes, bytes
//	[…]                length, elements
//	accept             the phase: accept, not prepare
//	reason             its place in the list of all, from 0 for none
//	value              version, serial less version, size, state before the window, entries, and
//	                   if size is odd: state, when it is not that after the last entry.
//	                   There are size/2 entries
//	entry              id, a byte with 4·reference + kind, and if the reference is 0: the state
//	                   that a transition leads to, or that an operation with a tombstone requested
//
// A reference, 1 to 8, is in place of a state that the machine was in lately: 1 is the
// state before the entry, 2 the one before that. The least that fits is the one to use,
// and 0 only if none does. An entry without a state has 0. The entries of an extended
// accept refer to states of that list alone.
//
// # CBOR
//
//	proposal        [1, phase, key, ballot, value, next, first]; next of a prepare is known
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
//	extended-accept [13, key, ballot, base, dropped, [entry, …], next, first]: a proposal
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
//	 1  node, uint16             5  unused, 8 bytes
//	 2  epoch, uint32            6  id of the dialler's life, uint64; 0 from the acceptor
//	 3  cluster, 16 bytes        7  name of the codec, at most 8 bytes
//	 4  unused, 16 bytes
//
// The epoch is 1, and ignored: messages carry their own. Earlier builds refuse another.
// Fields 4 and 5 are zeros, and ignored. Earlier builds had the sender's incarnation and
// boot there, and told them to every caller.
//
//	128  names of codecs, 1 to 16, each of 1 to 8 bytes after its length: those that the
//	     sender reads, the one that it prefers to send with first
//	129  the format level of the sender (node.Level), a byte; without one, it is 3
//
// A sender without field 129 is of level 2 if it lists codecs, and else of level 1. Messages
// have the form of the lower level of both sides: see AtLevel. Later versions may add to
// the byte.
//
// Fields come in the order of their numbers. Later versions may add fields. A receiver
// skips unknown fields from 128 on, and refuses other unknown fields. Messages are sent in
// the first codec of the sender's list that is in the receiver's. The list of a side
// without one, which is of a build before Binary, is field 7 alone; for it, a sender that
// prefers Binary has cbor there. The first
// messages are introductions, with the memory that the two sides have of each other's
// logs (package member).
//
// Other modules should not import it: docs/API.md promises nothing of it.
package wire
