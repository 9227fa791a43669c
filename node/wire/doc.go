// Package wire turns messages into bytes and back: frames, codecs and the first
// words of a connection. It is pure: bytes come in as chunks from wherever, and
// nothing here waits.
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
// A stream is a sequence of frames. Integers are little endian, as in the log.
//
//	0  bytes of payload, uint32, 1 to MaxFrame
//	4  CRC32C of the payload, uint32
//	8  payload
//
// No frame is empty: zeros would check as a stream of empty frames. The checksum
// finds every damage of a payload within 32 bits in a row, and with 1-2^-32 any
// other. A damaged length moves the end of the payload: it shows as a failed
// checksum, or as a frame that does not end, which only a deadline can tell.
// After the first error nothing later in the stream can be trusted, so errors of
// a Decoder are final.
//
// # Messages
//
// Both codecs refuse what is not exactly a message: unknown fields, fields given
// twice, null, wrong types, unknown phases or reasons, text that is not UTF-8,
// names longer than their bound, bytes that follow. They do not judge whether a
// message makes sense: that is the node's part. Append refuses the same, so what
// is sent can be read. Every message that a codec takes fits in a frame.
//
// An empty list decodes as nil. A decoded message shares no memory with its
// bytes.
//
// JSON is for people: names for numbers, "7.2.1" for ballots, absent fields for
// zeros. In CBOR (RFC 8949) a message is an array, and it is unique: of all the
// ways to write a message down, Decode takes only the one of Append.
//
//	proposal        [1, phase, key, ballot, value, next, first]
//	acknowledgment  [2, phase, key, ballot, accepted, value, first, at]
//	reject          [3, phase, key, ballot, reason, promised, first]
//	commit          [4, key, ballot, value, first]
//	read-request    [5, key, read, first]
//	read-report     [6, key, read, accepted, value, first, at]
//	request         [7, kind, key, id, attempt, to, base, retry, expects, expect]
//	reply           [8, kind, key, id, attempt, outcome, reason, state, version]
//	repair-request  [9, exchange, digest, mass, [range, …], [key, …]]
//	repair-report   [10, exchange, digest, mass, done, sent, [range, …], [[key, ballot, chosen], …]]
//	repair-value    [11, key, ballot, value, chosen]
//	introduction    [12, incarnation, boot, life, position, stage, cluster, [[id, incarnation], …],
//	                 [[boot, id, end], …], [[of, by, incarnation, boot, life, position], …], answer, abstains, more]
//
//	ballot          [epoch, round, node, boot]
//	read, exchange  [node, boot, sequence]
//	range           [path, depth, digest]
//	value           [version, serial, state, before, [entry, …]] or null
//	entry           [id, to, kind]: where a transition leads, or what a void was asked for
//
// # Handshake
//
// The payload of the first frame in each direction is a Hello, in a layout that
// does not depend on the codec. The first twelve bytes keep their place in all
// versions of the protocol.
//
//	 0  "lockstep"
//	 8  the latest version of the protocol that is spoken, uint16
//	10  the earliest, uint16 (version 1: the node; it is refused)
//	12  fields: number, byte; length, byte; data
//
//	 1  node, uint16             5  boot, uint64
//	 2  epoch, uint32            6  id of the life, uint64
//	 3  cluster, 16 bytes        7  name of the codec, at most 8 bytes
//	 4  incarnation, 16 bytes
//
// Fields come in the order of their numbers. Later versions may add some: from 128
// on they are passed over by whoever does not know them, others are refused. What
// the two sides remember of each other's logs is said in introductions, the first
// messages (package member).
package wire
