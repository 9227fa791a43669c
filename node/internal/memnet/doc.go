// Package memnet is a network in memory, for tests in a bubble of testing/synctest: hosts
// that listen and dial by name, and connections as TCP has them, with a latency, bounded
// buffers, deadlines of the bubble's clock, and faults that a test injects.
//
//	net := memnet.New(time.Millisecond)
//	l, err := net.Host("a").Listen("a:1")
//	conn, err := net.Host("b").Dial(ctx, "a:1")
//	net.Stall("b", "a") // from b to a nothing moves
//
// A goroutine that waits for a connection waits for a sync.Cond, so it is durably blocked
// and the clock of the bubble goes on. No goroutine is the network's own: one that is left
// in the bubble belongs to the code under test. Waits without a latency would take no time
// at all, and clients that repeat at once would stop the clock: hence the latency.
//
// Of TCP there are order, flow control (a writer waits while buffer bytes are unread), FIN
// and RST. There are no segments that get lost: a Stall is the loss of all, for a while.
package memnet
