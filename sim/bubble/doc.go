// Package bubble runs ordinary Go code in a simulated world: goroutines, channels,
// package time, net/http, on a simulated network and disk, under the seed of the
// world, with its faults and crashes.
//
// The code of a host is a Main, a function of a context and a Host. The Host gives
// it listeners and dials (net.Listener, net.Conn), a file system (FS), and facts for
// an observer. Code that takes a net.Listener, a dial function and a file system from
// its caller runs unmodified, as an http.Server and an http.Client do.
//
//	func TestStore(t *testing.T) {
//		bubble.Test(t, bubble.Seeds{Count: 100}, func(seed uint64) bubble.Config {
//			return bubble.Config{World: sim.Config{Processes: ..., Network: ...}, Main: ..., Until: ...}
//		})
//	}
//
// # How it works
//
// A run is one bubble of testing/synctest, which needs a *testing.T: so a campaign is
// a test. A driver hands the events of the world to the hosts one at a time, waits
// after each until every goroutine is blocked, and then takes over what they have
// done: segments to send, disk requests, facts. Between two events it sleeps, so
// that the clock of the bubble follows the clock of the world. When a timer of the
// code fires in between, the driver wakes too, and the host takes a step at that
// instant. Time zero of the world is the start of the bubble's clock, midnight of
// 2000-01-01 UTC.
//
// A stream (Conn) numbers, acknowledges and repeats its segments. So a lost segment
// is a delay, a partition a stall, and a full buffer at the peer holds up the writer.
// A reset of the connection, a crash of the peer, or its silence for Stream.GiveUp
// ends the stream with an error as TCP has it. Each segment is a message of the
// world with a fate of its own: "data 101.1.3 4096" is the piece at offset 4096 of
// the third stream that process 101 dialled in its first life.
//
// A crash cuts the host off: no effect reaches the world any more, all calls on
// connections, listeners and files fail with ErrCrashed, and the context of the
// Main ends. Goroutines have Config.Grace of virtual time to end by themselves. Then
// those that are left are reported, with their stacks, as ErrMisuse. The next life
// starts at once with what the disk has kept. It shares no Host with the last one,
// but package-level variables are not reset.
//
// # Limits
//
// The hash of a run is of its events. A seed gives the same run again only if the
// code does the same in each. The package orders all that it can: of several
// goroutines that act at one instant, segments go out by stream, and disk requests by
// file. It does not control the runtime and the standard library:
//
//   - the order in which goroutines run that are ready at one instant, if they share
//     memory or dial the same port;
//   - the choice of a select of which several cases are ready;
//   - the order of timers of one host that are due at the same nanosecond;
//   - the order of a map, and random numbers other than Host.Rand. crypto/rand follows
//     a seed after cryptotest.SetGlobalRandom.
//
// So Test runs a share of the seeds twice (Seeds.TwiceEvery). If two runs differ, it
// fails with ErrDiffers and the first line of the traces that is not the same: the
// place to look at. GOMAXPROCS=1 removes some of these differences, not all.
//
// A goroutine that waits for a sync.Mutex is not blocked in the sense of
// testing/synctest. If code holds a mutex while it waits for the disk or the network,
// as stores often do, and another goroutine wants the mutex meanwhile, the run
// stands still, and the program panics after Config.Patience. Config.Locks lifts
// this: the driver then looks at the states of all goroutines, which makes runs some
// twenty times as slow. While a goroutine waits for a lock, the clock of the bubble
// cannot advance: it stands still and catches up later. Code that sleeps while it
// holds a contended mutex cannot run.
//
// A host reads the exact time: clocks cannot drift, jump or stop. A pause
// (sim.World.Pause) holds back all events of a host, and what its goroutines want to
// send; their timers go on. Code that computes takes no time. Real sockets, files
// and processes are not simulated, and a goroutine that waits for one stalls the run.
// Streams have no congestion control and no urgent data; there are no datagrams. Of
// two hosts the one with the higher id learns at once that the process of the other
// has crashed (sim.Spec.SeesConnections); the other one learns it from the next life, or
// from silence. The file system has no directories, links, permissions or times: see
// FS.
package bubble
