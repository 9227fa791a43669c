// Package files is the disk below node/wal on a real machine: a directory that
// one process owns, whose files it changes as the log asks.
//
//	dir, err := files.Open("/var/lib/lockstep")
//	log, was, err := wal.Recover(dir, identity)
//	runner := files.NewRunner(dir, func(token uint64, err error) { events <- done(token, err) })
//	runner.Submit(log.Take(nil))
//
// # What is in the directory
//
//	wal-*      the log: what List, Read and Execute see
//	LOCK       held by the process that uses the directory; it stays when that ends
//	the rest   not touched, such as the peers.json of earlier versions
//
// # What is durable
//
// A Sync that is done has made the file durable, with its length; a SyncDir
// that is done, the names in the directory. The way to the directory, which
// Open makes if need be, is durable before there is a LOCK in it, and so before
// anything else. All of it holds as far as the system below keeps its word: on
// Linux fdatasync, elsewhere what os.File.Sync does.
//
// A sync that failed may have dropped what it should have written, and the next
// may succeed all the same. So nothing is tried twice: after the first error a
// Runner executes nothing more, and the node that hears of it stops.
//
// # Space
//
// Allocate writes zeros, and on Linux has the kernel begin at once to bring them
// to the disk. A log that goes round needs none: it renames the files that it is
// done with, and writes over them. The blocks of a removed file are freed in the
// background: Remove is done when the name is gone, Close waits for the rest. At
// most the files that are being changed are open.
//
// # Other systems
//
// Linux, macOS and FreeBSD lock the directory. Elsewhere nothing does, and the
// names in it are made durable by nothing but time.
package files
