// Package wal is a node's durable log as a pure state machine: it decides what
// is written and when it counts as durable, and leaves the doing to others.
//
// Recover reads what the last life left and gives a Log. From then on I/O is
// asynchronous: Append buffers a record and says at which position it will be
// durable, Take hands out requests, whoever runs the log executes them in order
// on a disk, simulated or real, and reports each with Done. A crash may fall
// between any two of these calls. What a node has appended it may speak of once
// Durable has reached it, and it may not speak at all before Ready. What it does
// not need any more it gives up with Trim.
//
//	log, was, err := wal.Recover(dir, identity, options, replay)
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
// The log is a sequence of segments, files "wal-%016x" numbered from 1, of a
// size that the owner chooses. A segment is a header, records, a seal if there
// is a next one, and up to its size zeros or what its file held before it was used
// again. A batch is never divided; one that is
// larger than a segment makes a longer one. A position (LSN) counts bytes of
// records over all segments, seals excluded, so where an entry will end is known
// when it is appended, before it is known in which segment. Integers are little
// endian.
//
//	header (84 bytes)                     record
//	 0  "lockstep"                         0  CRC32C of the bytes from 4 on
//	 8  format version, uint16             4  bytes of payload, uint32
//	10  node, uint16                       8  bytes since the batch's start, uint32
//	12  CRC32C of the rest up to 64       12  kind
//	16  cluster, 16 bytes                 13  payload
//	32  incarnation, 16 bytes
//	48  sequence number, uint64           kinds and payloads
//	56  position of its first record       1  boot: its number, uint64
//	64  last boot before it, uint64        2  entry: the owner's bytes
//	72  first segment needed, uint64       3  seal: none
//	80  CRC32C of the bytes up to 80       4  trim: first segment needed, uint64
//
// The first 64 bytes keep this layout in all versions. A record's checksum
// starts from a seed that mixes the CRC32C of the incarnation with the record's
// position. A CRC is a bijection of its seed, so the same bytes at another
// position in the same 4 GiB of the log (inside a payload, say) fail for
// certain, not just probably; bytes of any other origin pass with a chance of
// 2^-32. No kind is zero, so zeros are never a record.
//
// Version 3 differs from version 2, which is read and gone on with, in that files
// are used again: a program that expects zeros there must leave them alone.
//
// # From one segment to the next
//
// While a segment fills, the next file is made and filled with zeros, a chunk
// behind a batch, at about the pace of the log; a chunk is synced when the next
// is due, and the disk has had time for it. The zeros are really written, so
// that later a sync of a batch has nothing to change but the content of blocks
// that the file has. When a segment was trimmed, its file is the next one, by
// another name and with all that is in it, and nothing need be filled: zeros cost
// the disk as much as records. The log rolls when a batch and a seal do not fit:
//
//	A  write the header of segment n+1, sync it, and sync the directory
//	B  write the seal of segment n, and sync it
//
// and then batches go to n+1. So a seal that is found proves A, and a record in
// n+1 that is found proves B. When segment n is not sealed, n+1 is a spare:
// empty, or with zeros, or with what is in a file that was used, and before that
// a whole or torn header after a crash between A and B. It is removed, and n is
// continued. If n is sealed and n+1 is missing or has no header, or if n is not
// sealed and n+1 has any record, that is damage.
//
// What a file held before is never taken for part of the log. Its header has the
// number of another segment, and so is none; the directory is synced in A, so a
// file with the new header that is found under its old name was never used, and
// its old name is of a segment that is not needed. Its records are at other
// positions now, which are higher than all before: they do not check, for certain
// if old and new position are in the same 4 GiB, else but with a chance of 2^-32.
// So behind the last record of a segment they are like a torn tail of which
// nothing checks.
//
// # Trimming
//
// Trim appends a record that names the first segment that is still needed. When
// it is durable the files before that are let go: one is put by, to be the next
// segment but one at the latest, if it has the size that segments have; others
// are removed, without haste. Recovery uses none of them again. It
// takes for the first segment what the header of the last one says, or the last
// trim record in it, and removes again what a crash has brought back. Every
// segment from the first on must be there. What else the removed files said is
// in the headers: the number of the last boot, and the position.
//
// The owner keeps the log short by appending again what it needs of the oldest
// segments; see compact.go of package node.
//
// # Torn or damaged
//
// Recovery reads records up to the first that does not check; call its place P.
// In a segment that is sealed there is none, and what follows the seal does not
// matter. In the last segment a power loss keeps any part of the batch that was
// in flight, so records that check may follow P. It is a torn tail, and cut at
// P, if every record after P belongs to the batch of P: it starts its count at
// P, or where the record before P does. Any other record after P belongs to a
// later batch and proves that P was synced: that is damage, and Recover refuses
// with ErrDamaged. To find such a record every byte after P is tried as the
// start of one, up to the end of the file: what it held before is among them. So
// the time that takes must not depend on what is found there (see sums).
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
// Format: the file is made, emptied, filled with zeros and synced; then the
// header is written and synced, and the directory too; then the first boot. So
// if there is more than zeros behind the place of a header, the header is sound
// or damaged; and a first segment with nothing behind the place of one boot
// record, and no boot in it that checks, was never spoken from and is formatted
// anew.
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
// Can more than the last batch be readable and not durable? Not before the batch
// of a record: its being issued took the syncs of all that comes before, in this
// segment and, as the seal was synced before that, in all others. If the last
// segment has no record, the last batch is the seal of the one before, and it is
// written again. The header of the last segment is durable if the seal can be
// read. A trim record in the last batch is written again with it, before any
// file is removed. The spare is removed, and that is durable, before a file of
// its name is made: of two headers only one can come back.
//
// A life begins by appending the first record of its boot to the last segment
// even if that is full, and rolls with the second: nothing but records of a
// durable boot is ever in a header.
//
// # What the disk must do
//
// A sync that returns without error has made everything written to the file
// before it durable. Bytes that are not written do not change: a write torn by
// a power loss keeps or loses any part of its own range but spares its
// neighbours ("powersafe overwrite" in SQLite's terms). Bytes of a file that
// nobody wrote are zeros. A file that was made or removed may be there or not
// after a crash, until the directory is synced, and one that was renamed has
// its old name or the new one. One process at a time uses the directory.
package wal
