// Package tcp carries messages between members.
//
// Each member dials every other one and sends its messages on the connection it
// has dialled; what others send comes in on the connections that they dial.
// Data flows one way on a connection, so two members never have to agree which
// of two connections to keep.
//
//	node 1 ── dials ──▶ node 2    messages of 1 to 2, keepalives back
//	node 1 ◀── dials ── node 2    messages of 2 to 1, keepalives back
//
// The transport promises little, because the core expects little: on one
// connection messages arrive in order and each at most once; when a connection
// breaks, those under way are lost. Send never waits. Whom a peer's slowness
// hurts is that peer alone: its queue fills and messages to it are dropped.
//
//   - transport.go is what the server sees;
//   - peer.go is what is known of one member;
//   - outgoing.go dials, sends, dials again; backoff.go says when;
//   - incoming.go accepts and delivers; lobby.go bounds strangers;
//   - handshake.go decides who talks to whom;
//   - conn.go is a connection as a sequence of frames;
//   - stats.go counts; quiet.go keeps logs short.
//
// # A connection
//
// Everything is a frame of package wire. First both sides say who they are and
// what they think of the other; the dialler goes first:
//
//	dialler   Hello
//	acceptor  Hello, verdict
//	dialler   verdict, message, message, …
//
// A verdict is the byte 1 for yes, or the byte 2 and the reason in words. After
// a no the connection is closed.
//
// Then the dialler sends messages, and a keepalive, one zero byte, when it has
// had nothing to say for Config.Idle. The acceptor sends a keepalive every
// Config.Idle, however busy it is. Who has not heard one whole frame for
// Config.Dead closes. So a connection whose other end is gone, a frame that
// never ends, and a sender of one byte at a time all meet the same deadline.
//
// # Hostile input
//
// Bytes at the port cost little until they are a Hello of a member: 64
// connections, half a kilobyte each, have Config.HandshakeTimeout to introduce
// themselves; when there are more, the oldest is closed. After that a peer holds
// at most one unfinished frame, and its second connection replaces the first. A
// frame or message that is not well formed ends its connection and is counted.
// There is no authentication here: for that give Config a TLS listener and Dial.
package tcp
