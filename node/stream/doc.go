// Package stream is the framed protocol between clients and a node: many operations
// and watches at once on one connection. Client and Server are its two ends, as pure
// state machines: bytes in, events out. They do no I/O and know no clock, so the
// simulator runs them as the TCP runtime does.
//
// A connection begins as an HTTP request on the port for clients, with the header
// "Upgrade: lockstep", that a server answers with status 101. Then both ends send
// frames (package frame: length, CRC32C, payload) of at most MaxFrame bytes. Each
// payload is one message.
//
// # Messages
//
// A message is its type, one byte, and its fields in order. uint is an unsigned varint
// of at most ten bytes in its shortest form, string is a uint for the length and that
// many bytes of UTF-8, byte is one byte. There are no bytes after the last field,
// except in a Hello.
//
//	from a client
//	 1 Hello     "lsclient", oldest uint, latest uint
//	 2 Request   id uint, remaining uint, kind byte, flags byte, key string,
//	             operation string, attempt uint, to string, watermark uint, expect uint
//	 3 Cancel    id uint
//	 4 Watch     id uint, credit uint, flags byte, prefix string, from uint
//	 5 Credit    id uint, n uint
//	 6 Ping      token uint
//
//	from a server
//	17 Hello     "lsserver", oldest uint, latest uint, node uint, boot uint, operations uint, watches uint
//	18 Reply     id uint, outcome byte, flags byte, reason string, state string,
//	             version uint, serial uint, text string
//	19 Refused   id uint, code string, text string
//	20 Begin     id uint
//	21 Changes   id uint, one or more events
//	22 End       id uint, code string, text string
//	23 Credit    n uint
//	24 Pong      token uint
//	25 Goaway    code uint, last uint, text string
//
//	an event of Changes
//	 1 State       key string, state string, version uint, serial uint
//	 2 Transition  key string, version uint, from string, to string, operation string
//	 3 Gap         key string, from uint, to uint
//	 4 Behind      key string, version uint, from uint
//
// remaining is the time in milliseconds after which the client no longer awaits the
// reply; 0: it gives none. kind and outcome are the numbers of package op. flags of a
// Request are 1: retry, 2: expects; of a Reply 1: final; of a Watch 1: single, 2:
// resume. Unused flags, and fields that a flag turns off, are zero.
//
// # Rules
//
//   - The first message of each end is its Hello, and no other is. An end sends it
//     without waiting for the other's. The version of the connection is the lower of
//     the two latest ones. If that is below an oldest, the ends have none in common:
//     the server says so by a Goaway. Later versions may add fields at the end of a
//     Hello, which earlier ones skip; all else stays as it is within a version.
//   - A client numbers its requests and watches with increasing ids, from 1 on.
//     Exactly one Reply or Refused ends a request. A watch is refused, or begins, has
//     any number of changes and ends. A Cancel only asks for an early end.
//   - At most operations requests, and watches watches, of a Hello are unfinished on a
//     connection. A Credit of a server raises the number of operations by n. The server
//     of a connection that still awaits its Hello takes none: a client begins after it.
//   - A watch has at most as many events as its Watch and Credits grant.
//   - A Refused states that the node has not carried out the request and will not.
//     With the code Cancelled this is open.
//   - Goaway is a server's last message. It has taken no request above last.
//   - A message that breaks a rule, or bytes that are none, end the connection.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package stream
