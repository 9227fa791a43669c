// Package tcp carries messages between members over TCP.
//
// Each member dials every other one and sends its messages on the connection that
// it has dialled. It receives messages on the connections that others have dialled.
// Data flows one way on a connection, so two members never have to agree which of
// two connections to keep.
//
//	node 1 ── dials ──▶ node 2    messages of 1 to 2, keepalives back
//	node 1 ◀── dials ── node 2    messages of 2 to 1, keepalives back
//
// The transport guarantees little, because the core needs little. On one
// connection messages arrive in order, and each at most once. When a connection
// breaks, messages in flight are lost. Send never waits. A slow peer affects only
// itself: its queue fills, and messages to it are dropped.
//
//   - transport.go: the Transport, as the server uses it; config.go: its
//     configuration;
//   - peers.go: peers that come, go and move while it runs; peer.go: the state kept of
//     one;
//   - ask.go: asks the node at an address for its number;
//   - outgoing.go: dials, sends and dials again; backoff.go: the waits between;
//   - incoming.go: accepts and delivers; pending_conns.go: bounds the connections
//     in the handshake;
//   - handshake.go: the handshake; verdict.go: its verdicts, and the codes of refusals;
//     tls.go: TLS before it;
//   - conn.go: a connection as a sequence of frames;
//   - stats.go: counters; rate_limited_log.go: keeps logs short.
//
// # A connection
//
// All data are frames of package wire. First each side sends its Hello and a
// verdict on the other's; the dialler goes first:
//
//	dialler   Hello
//	acceptor  Hello, yes; or only no
//	dialler   verdict, message, message, …
//
// A verdict is the byte 1 for yes, or the byte 2 and the code of a reason for no
// (verdict.go). After a no the connection is closed. A refusal has no other effect:
// the dialler tries again later, and tells Config.Removed if it is refused as one that was
// removed, with a proof that the other side is of the same formed cluster. Earlier builds send their Hello before a no, and a
// text in place of the code, which is logged.
//
// A node tells nothing before the caller's Hello is checked, and a caller who is
// refused learns the code alone. A Hello shows nothing of the sender's log. Its life,
// which the dialler shows to the node at the configured address, is a random number
// that no stranger knows: messages of any other life do not count, and connections of
// different lives do not close each other (package member).
//
// Then the dialler sends messages, and a keepalive, one zero byte, when it has
// sent nothing for Config.KeepaliveInterval. The acceptor sends a keepalive in
// every Config.KeepaliveInterval, however busy it is. A side that has not received
// a whole frame for Config.KeepaliveTimeout closes the connection. So a connection
// without a peer, a frame that never ends, and a peer that sends one byte at a
// time all meet the same deadline.
//
// # Hostile input
//
// Bytes at the port cost little until they are the Hello of a member: 64
// connections, half a kilobyte each, have Config.HandshakeTimeout to introduce
// themselves. When there are more, the oldest is closed, but not in its first ten
// milliseconds: until then no more are accepted. After the handshake a peer holds
// at most one unfinished frame, and its second connection replaces the first. Others
// may connect in its name: beside the connection of the life that was confirmed
// (Transport.Confirm) at most four are kept. A malformed frame or message ends its
// connection and is counted.
//
// Without Config.TLS a peer is believed what its Hello says. With it the TLS handshake
// comes first, in the same time and within the same 64 connections. The certificate of
// the acceptor has to be that of the member dialled, before the dialler sends its Hello;
// the certificate of the dialler has to be that of the member in its Hello, before the
// acceptor sends its own. If it is not, the no comes in place of the Hello.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package tcp
