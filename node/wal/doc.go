// Package wal is a node's durable log as a pure state machine: it decides what
// is written and when it counts as durable, and leaves the doing to others.
//
// Recover reads what the last life left and gives a Log. From then on I/O is
// asynchronous: Append buffers a record and says at which position it will be
// durable, Take hands out requests, whoever runs the log executes them in order
// on a disk, simulated or real, and reports each with Done. A crash may fall
// between any two of these calls. What a node has appended it may speak of once
// Durable has reached it, and it may not speak at all before Ready.
//
//	log, was, err := wal.Recover(dir, identity)
//	at := log.Append(entry)
//	for _, r := range log.Take(nil) {
//		log.Done(r.Token, disk.Execute(r))
//	}
//	if log.Ready() && log.Durable() >= at { /* say it */ }
//
// # Batches
//
// What is appended while a batch is in flight goes into the next (group
// commit). One batch, that is one write and one sync, is in flight at a time,
// and this is more than simplicity: since batch n+1 is issued only when the
// sync of batch n has returned, a record that is found on disk proves that
// everything before its batch is durable. Every record therefore carries the
// distance to the start of its batch, and damage is told from a torn tail by
// it.
//
// # Format
//
// The log is a sequence of segments, files "wal-%016x" numbered from 1. This
// version writes the first only, but reads any number. A position (LSN) counts
// bytes over all segments, headers included. Integers are little endian.
//
//	header (64 bytes)                     record
//	 0  "lockstep"                         0  CRC32C of the bytes from 4 on
//	 8  format version, uint16             4  bytes of payload, uint32
//	10  node, uint16                       8  bytes since the batch's start, uint32
//	12  CRC32C of the other 60 bytes      12  kind: 1 boot, 2 entry
//	16  cluster, 16 bytes                 13  payload; of a boot its number, uint64
//	32  incarnation, 16 bytes
//	48  sequence number, uint64
//	56  position of its first byte, uint64
//
// The header keeps this layout in all versions. A record's checksum starts from
// a seed that mixes the CRC32C of the incarnation with the record's position. A
// CRC is a bijection of its seed, so the same bytes at another place in the same
// 4 GiB of the log (inside a payload, say) fail for certain, not just probably;
// bytes of any other origin pass with a chance of 2^-32.
//
// # Torn or damaged
//
// Recovery reads records up to the first that does not check; call its place P.
// A power loss keeps any part of the batch that was in flight, so records that
// check may follow P. It is a torn tail, and cut at P, if every record after P
// belongs to the batch of P: it starts its count at P, or where the record
// before P does. Any other record after P belongs to a later batch and proves
// that P was synced: that is damage, and Recover refuses with ErrDamaged. To
// find such a record every byte after P is tried as the start of one.
//
// Damage cannot be told from a torn tail when no later batch is there to prove
// it: when it hits the last batch, or takes with it everything that came after
// (a file cut short, an emptied directory). The last batch matters most where
// it holds a boot number, which must never be used twice; so each life writes
// its number in two batches before it is ready, and the second proves the
// first. An owner that wants the same for its last entries, before a long
// pause, appends one more, which may be empty. An emptied directory is formatted
// under a new incarnation, for peers to refuse.
//
// # Crashes
//
// Format: the file is made, emptied and synced; then the header is written
// and synced, and the directory too; then the first boot. So a file with more
// bytes than a header has a sound one, or is damaged; and a file of at most a
// header and one boot record, with no boot in it that checks, was never spoken
// from and is formatted anew.
//
// Recovery: the file is cut at P and the last batch before P is written again,
// the same bytes to the same place, and synced; only then is anything appended.
// The rewrite is there because bytes that can be read need not be on disk: a
// failed sync drops pages that stay readable (Rebello et al., "Can Applications
// Recover from fsync Failures?", USENIX ATC 2020). The sync before the first
// append is there because bytes of the torn batch beyond P may be sound
// records; were the cut not durable first, they could later join on to new
// records and come back to life. A crash at any point of this leaves the same
// records before P, and beyond P the same torn bytes or none.
//
// # What the disk must do
//
// A sync that returns without error has made everything written to the file
// before it durable. Bytes that are not written do not change: a write torn by
// a power loss keeps or loses any part of its own range but spares its
// neighbours ("powersafe overwrite" in SQLite's terms). What is between the
// old and the new end of a file and was not kept may hold anything except
// records of this log. One process at a time uses the directory.
package wal
