// Package files implements the disk of a node/wal log on a real host: a directory
// that one process owns, and the execution of the log's requests on its files.
//
//	dir, err := files.Open("/var/lib/lockstep")
//	log, recovered, err := wal.Recover(dir, identity, options, entry)
//	runner := files.NewRunner(dir, func(token uint64, err error) { events <- done(token, err) })
//	runner.Submit(log.Take(nil))
//
// # Contents of the directory
//
//	wal-*      the log: the files that List, Read and Execute access
//	LOCK       locked by the process that uses the directory; it is never removed
//	RESTORING  there as long as a restoration is not complete: Open refuses the directory
//	the rest   not touched, such as the peers.json of earlier versions
//
// # Other users
//
// A node takes a directory only if this process's user or root owns it and no other
// user can write to it, and a file in it under the same terms, as sshd does with the
// files of a user. It opens files by their names in the open directory, regular ones
// only; it follows no symbolic link there and waits at no pipe. What it makes only its
// user can read. Everything is looked at before the first byte is written, and again
// whenever a file is opened. A path to the directory may have symbolic links, the last
// part too if no other user owns that link: who gives the path chooses them. The
// directories above are not looked at: who can rename them can keep a node from its
// log, and can put only another directory of the same user in its place.
//
// Reader asks nothing about owners, so that root may look at the log of another user;
// the rest holds of it, too.
//
// # Durability
//
// A completed Sync has made the content and the length of a file durable. A
// completed SyncDir has made the names in the directory durable. Open creates the
// path to the directory if necessary. The path is durable before there is a LOCK
// in the directory, and so before anything else is. All of this relies on the
// operating system: on fdatasync on Linux, on os.File.Sync elsewhere.
//
// A failed sync may have dropped writes, and the next sync may succeed all the
// same. So nothing is retried: after the first error a Runner executes nothing
// more, and the node stops when it receives the error. The only exception is an
// Optional request that fails with wal.ErrFull: it is reported, and execution goes
// on.
//
// # Space
//
// Allocate writes zeros, and on Linux makes the kernel start to write them to the
// disk at once. A log that trims as much as it appends needs no zeros: it renames
// files that it does not need any more, and overwrites them. The blocks of a
// removed file are freed in the background. Remove is complete when the name is
// gone; Close waits for the rest. Of the log's files, only the ones being changed
// are open.
//
// # Other systems
//
// The directory is locked on Linux, macOS and FreeBSD. On other systems it is not
// locked, and SyncDir does nothing: the names in the directory become durable at
// some later time. Owners and permissions are looked at on Unix only.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package files
