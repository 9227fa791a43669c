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
//	header                                record
//	 0  "lockstep"                         0  CRC32C of the bytes from 4 on
//	 8  format version, uint16             4  bytes of payload, uint32
//	10  node, uint16                       8  bytes since the batch's start, uint32
//	12  CRC32C of the rest up to 64       12  kind
//	16  cluster, 16 bytes                 13  payload
//	32  incarnation, 16 bytes
//	48  sequence number, uint64           kinds and payloads
//	56  position of its first record       1  boot: its number, uint64
//	64  CRC32C of all the rest             2  entry: the owner's bytes
//	68  length of the header, uint32       3  seal: none
//	72  fields                             4  trim: first segment needed, uint64
//
//	field                                 kinds and values of fields
//	 0  kind, uint16                       1  last boot before the segment, uint64
//	 2  length of the value, uint16        2  first segment needed, uint64
//	 4  value                              3  bytes that the file was made with, uint64
//
// The first 64 bytes keep this layout in all versions. A later program may add
// fields, and needs no other version for it: a program that does not know a field
// refuses the log, unless the highest bit of its kind is set: then it passes over it. A record's checksum
// starts from a seed that mixes the CRC32C of the incarnation with the record's
// position. A CRC is a bijection of its seed, so the same bytes at another
// position in the same 4 GiB of the log (inside a payload, say) fail for
// certain, not just probably; bytes of any other origin pass with a chance of
// 2^-32. No kind is zero, so zeros are never a record.
//
// Versions 2 and 3, which are read and gone on with, have a header of 84 bytes: the
// last boot, the first segment needed, and a CRC32C in the place of the fields. In
// version 2 files were not used again. A life that finds a log of theirs writes the
// first record of its boot there, and the second to a new segment of version 4. So
// before it is ready the log is one that the programs of those versions refuse.
//
// # The mark
//
// A file of its own, "wal-mark", tells how far the log had come when a sync was
// complete: a position where a record ends, and the checksum of that record. It has
// two slots of 48 bytes, 4 KiB apart; see encodeMark. A log that ends before its mark
// has lost what was synced, and one that has another record there is not the log
// that the mark is of. A mark of another incarnation says nothing.
//
// The mark is written, and not synced, in front of a batch when it is a KiB behind, or
// an eighth of a segment if that is less: then it covers all batches before, of which
// the sync is complete. So a process that is killed leaves a mark that lacks so much and
// one batch at most. It is synced before the log is ready, once for each segment or MiB,
// whichever is less, and when the owner says that it rests: a node does so when it
// has appended nothing for 100 ms, and before it stops. So after a loss of power the
// mark may lack what was appended since. With every batch a sync of it would cost as
// much as that of the batch; a write costs a microsecond.
//
// One slot is written over until a sync of the file is done, and then the other. So
// a torn write spoils at most the slot that was not synced, and the other says what
// it said. A life writes first the higher mark again, the same bytes to the same slot:
// it can be read, and need not be durable. A sound log thus has a sound mark in every
// state that a crash may leave, and never an older one than was once durable; a log of
// version 4 without one is refused. The file is made, and durable, before the header of
// the first segment of version 4 is written.
//
// A mark never accuses a sound log. It tells of a sync that was complete, so what it
// tells of is durable; recovery never cuts before that, and writes again the same
// bytes; and positions only grow.
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
//	A  make segment n+1 as long as it is to be, if it is not; then write its header, sync
//	   it, and sync the directory
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
// # A full disk
//
// Only a spare takes space. A request for it that the disk has no room for is Optional
// and fails with ErrFull: the log goes on in the room that its segment has, tells so
// (Full), and asks again when a sixteenth of a segment is used up. It fails when a batch
// waits for the spare, and there is still no room.
//
// # Torn or damaged
//
// Recovery reads records up to the first that does not check; call its place P.
// In a segment that is sealed there is none, and what follows the seal does not
// matter. In the last segment a power loss keeps any part of the batch that was
// in flight, so records that check may follow P. It is a torn tail, and cleared from
// P on, unless one of these proves that there was more, or may have been: then it is
// damage, and Recover refuses with ErrDamaged.
//
//   - A record after P that does not belong to the batch of P, which starts its count at
//     P, or where the record before P does: it belongs to a later batch, and so P was
//     synced. To find such a record every byte after P is tried as the start of one, up
//     to the end of the file: what it held before is among them. So the time that takes
//     must not depend on what is found there (see sums).
//   - The mark: it is behind P.
//   - The length of the file: it is less than the header tells. The file was that long
//     before it had a header, and never becomes shorter: recovery clears, and does not
//     cut.
//
// An empty directory, or a first segment that nobody can have spoken from, is made
// anew under a new incarnation, for peers to refuse, unless a mark tells that a log was there.
//
// # What no log alone can know
//
// Damage is taken for a torn tail, in silence, only if it spoils the end of the log and
// no mark covers that: in the last KiB and the last batch of a process that was killed
// before the log rested, or in what was appended after the mark was last synced, if the
// power failed. (A
// batch that is larger than a segment makes a file longer than its header tells, so a
// cut of that excess is one too.) It has lost what it acknowledged there.
//
// That a whole directory is an older copy of itself, segments and mark, shows nowhere
// in it: it is sound. So is one that was emptied. Both are for those to find out who
// remember what the node has said: its peers.
//
// # Crashes
//
// Format: the file is made, emptied, filled with zeros and synced; then the mark is
// made, and synced with the directory; then the header is written and synced; then
// the first boot. So
// if there is more than zeros behind the place of a header, the header is sound
// or damaged; and a first segment with nothing behind the place of one boot
// record, and no boot in it that checks, was never spoken from and is formatted
// anew.
//
// Recovery: the file is filled with zeros from P on and the last batch before P is
// written again, the same bytes to the same place, and synced; only then is anything
// appended, and only then does the mark cover it.
// The rewrite is there because bytes that can be read need not be on disk: a
// failed sync drops pages that stay readable (Rebello et al., "Can Applications
// Recover from fsync Failures?", USENIX ATC 2020). The sync before the first
// append is there because bytes of the torn batch beyond P may be sound
// records; were the zeros not durable first, they could later join on to new
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
// durable boot is ever in a header. It is ready when the mark covers both: a boot
// number must never be used twice.
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
