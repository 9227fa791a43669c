// Package wal implements the durable write-ahead log of a node as a pure state
// machine. It decides which bytes are written and when they count as durable; it
// performs no I/O.
//
// Recover reads the log that earlier lives left and returns a Log. After that, I/O
// is asynchronous. Append buffers a record and returns the position at which it
// will be durable. Take returns disk requests. The caller executes them in order,
// on a simulated or a real disk, and reports each with Done; a quiet request that
// succeeds needs no report. A crash may happen between any two of these calls.
//
// A node may send messages that depend on a record once Durable has reached the
// record's position. It may send nothing before Ready. Trim releases records that
// are not needed any more.
//
//	log, recovered, err := wal.Recover(dir, identity, options, replay)
//	at := log.Append(entry)
//	for _, r := range log.Take(nil) {
//		log.Done(r.Token, disk.Execute(&r))
//	}
//	if log.Ready() && log.Durable() >= at { /* send */ }
//
// # Batches
//
// Records that are appended while a batch is in flight go into the next batch
// (group commit). One batch, that is one write and one sync, is in flight at a
// time. This is not only for simplicity: batch n+1 is issued only when the sync of
// batch n has returned, so a record that is found on disk proves that everything
// before its batch is durable. Every record carries the distance to the start of
// its batch. Recovery uses it to tell damage from a torn tail.
//
// # Format
//
// The log is a sequence of segments: files "wal-%016x", numbered from 1, of a size
// that the owner chooses. A segment holds a header, records, and a seal if there
// is a next segment. The rest of the file is zeros, or old content if the file was
// reused. A batch is never divided; a batch that is larger than a segment makes a
// longer one. A position (LSN) counts bytes of records over all segments, seals
// excluded. So the end of an entry is known when it is appended, before its
// segment is. Integers are little endian.
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
//	 4  value                              3  bytes of the file at creation, uint64
//
// The first 64 bytes have this layout in all versions. A later program may add
// fields without a new version. A program that finds an unknown field rejects the
// log, unless the highest bit of the field's kind is set: then it skips the field.
//
// The checksum of a record starts from a seed that mixes the CRC32C of the
// incarnation with the record's position. A CRC is a bijection of its seed. So the
// same bytes at another position in the same 4 GiB of the log (inside a payload,
// say) always fail the check. Bytes of any other origin pass it with a probability
// of 2^-32. No kind is zero, so zeros are never a record.
//
// In version 5 entries may build on earlier ones; that is all in which it differs from
// version 4. Options.Form chooses between them.
//
// Versions 2 and 3 can be read and continued. Their header has 84 bytes: instead
// of the fields it has the last boot, the first segment needed, and a CRC32C. In
// version 2, files were not reused. A life that goes on in a later version than it has
// found writes the first record of its boot there, and the second to a new segment of
// the later version. So before the log is ready, programs of the earlier versions
// reject it.
//
// # High-water mark
//
// The file "wal-mark" states how far the log had come when a sync was complete: a
// position where a record ends, and the checksum of that record. It has two slots
// of 48 bytes, 4 KiB apart (see type slot). A log that ends before its mark has
// lost records that were synced. A log with another record at the mark is not the
// log that the mark is of. A mark of another incarnation is ignored.
//
// The mark is written behind the sync of each batch, without a sync of its own, and
// covers that batch. The batch counts as durable when the mark is written. So after
// a process crash the mark covers all that was durable to anybody.
//
// The mark is synced before the log is ready, then once per segment or per MiB,
// whichever is less, and when the owner calls SyncMark. A node does so when it has
// appended nothing for 100 ms, and before it stops. So after a power loss the mark
// may lack everything since its last sync. A sync of the mark with every batch
// would cost as much as the sync of the batch; a write costs a microsecond.
//
// No requests are executed behind a sync that fails, or before it is complete. So the
// mark never covers a batch whose sync failed.
//
// One slot is overwritten until a sync of the file is complete, then the other. So
// a torn write spoils at most the slot that was not synced, and the other slot
// keeps its mark. A new life first writes the higher mark again, the same bytes to
// the same slot, because a mark that can be read need not be durable. It writes to
// the other slot when the sync of that is complete, and not before: between two
// syncs the operating system may write both slots in any order, and a power loss
// may tear both. So a sound log has a sound mark in every state that a crash may
// leave, and never an older mark than one that was durable. A log of version 4 or 5
// without a mark is rejected.
// The mark file is created, and durable, before the header of the first segment of
// these versions is written.
//
// A mark never leads to the rejection of a sound log. It covers only records whose
// sync was complete, so they are durable. Recovery never cuts before the mark,
// writes the same bytes again, and positions only grow.
//
// # From one segment to the next
//
// While a segment fills, the next file (the spare) is created and filled with
// zeros, one chunk behind a batch, at about the pace of the log. A chunk is synced
// when the next one is due, after the disk has had time to write it. The zeros are
// really written, so that a later sync of a batch changes only the content of
// blocks that the file already has. After a trim, the file of a released segment
// becomes the spare: it is renamed and keeps its content. No zeros are needed
// then; they would cost the disk as much as records. When a batch and a seal do
// not fit into the segment, the log rolls:
//
//	A  extend segment n+1 to its full length if necessary; then write its header,
//	   sync it, and sync the directory
//	B  write the seal of segment n, and sync it
//
// After that, batches go to n+1. So a seal proves A, and a record in n+1 proves B.
// If segment n is not sealed, n+1 is a spare: empty, or with zeros, or with the
// old content of a reused file; after a crash between A and B it begins with a
// whole or torn header. Recovery removes the spare and continues n. It is damage
// if n is sealed and n+1 is missing or has no header, or if n is not sealed and
// n+1 has a record.
//
// Old content of a reused file is never taken for part of the log. Its header has
// the number of another segment and is therefore invalid. The directory is synced
// in A, so a file with the new header under its old name was never used, and the
// segment of the old name is not needed. The old records are now at other
// positions, higher than all before, so they fail the check: always if the old and
// the new position are in the same 4 GiB, otherwise except with a probability of
// 2^-32. So old content after the last record of a segment is like a torn tail in
// which no record passes the check.
//
// # Trimming
//
// Trim appends a record that names the first segment still needed. When this
// record is durable, the files of earlier segments are released. One file is kept
// as the next spare, if it has the size of a new segment. The others are removed
// at a low priority. Recovery never uses a released segment again. It takes the
// first segment from the header of the last segment, or from the last trim record
// in it, and removes released files that a crash has brought back. Every segment
// from the first on must exist. The headers carry the other facts of removed
// segments: the number of the last boot, and the position.
//
// The owner keeps the log short: it appends again the entries of the oldest
// segments that it still needs; see compact.go of package node.
//
// # Full disk
//
// Only the spare takes space. The requests that allocate it are Optional. If the
// disk has no room, they fail with ErrFull; the log goes on in the space that its
// segment has left, reports the error in Full, and tries again each time a
// sixteenth of a segment has been used. The log fails when a batch needs the spare
// and there is still no room.
//
// # Torn tail or damage
//
// Recovery reads records up to the first that fails the check, at an offset P. In a
// sealed segment every record up to the seal must be valid, and bytes after the
// seal are ignored. In the last segment, a power loss keeps any part of the batch
// that was in flight, so valid records may follow P. Everything from P on is a
// torn tail and is cleared, unless one of the following proves that more was
// synced, or may have been. Then it is damage, and Recover fails with ErrDamaged.
//
//   - A record after P of another batch than the one at P. The batch at P starts at
//     P or at the batch start of the record before P. A record of a later batch
//     proves that P was synced. The search tries every byte after P as the start of
//     a record, up to the end of the file, old content included. So its running
//     time must not depend on the bytes that it finds (see prefixSums).
//   - The mark is after P.
//   - The bytes at P are a record in which one bit is turned, in a byte that is not
//     zero, and no file of the log was ever reused. A torn write leaves every byte as
//     it was written or zero there. Reuse needs a trim, so the log must begin with its
//     first segment. Payloads of more than 4 KiB are not tried.
//   - The file is shorter than its header states. It had that length before it had
//     a header, and it never becomes shorter: recovery clears and does not cut.
//
// An empty directory is formatted: the log is created under a new incarnation,
// which peers reject if they remember an earlier one. So is a first segment of a
// log that was never ready, since no message can have depended on it. If a mark
// proves that there was a log, Recover fails instead.
//
// # Limits of a log without peers
//
// Damage passes for a torn tail only after a power loss, and only if it reaches from a
// record that was appended after the last sync of the mark to the end of the log: a
// sound record of a later batch proves it. So it is damage to the last batch, or to
// all of the last batches. Of this damage only a single turned bit is seen, and that
// only before the first trim: of zeros, of noise, or in a reused file nothing tells the
// bytes from those that a crash leaves. (A batch that is larger than a segment makes a
// file longer than its header states, so a cut of that excess passes too.) In this case
// the log has lost records that it acknowledged.
//
// No log can do without this rest. Consider the last batch, whose sync was the last
// before the power loss. A write that was under way may leave any part of itself, so
// each damaged form of the batch is also a form that a torn write leaves, if nothing
// else differs. What differs would have to be durable before the batch is
// acknowledged, and written when its sync is complete, since before that it would
// be wrong of a torn write. That is a second sync for each batch.
//
// A log cannot detect that its whole directory, segments and mark, is an older
// copy of itself, or that it was emptied: both are sound states. Peers detect
// these, because they remember messages of the node.
//
// # Crashes
//
// Format: the file is created, emptied, filled with zeros and synced. Then the mark
// is created, and synced with the directory. Then the header is written and
// synced, and then the first boot. So if there are non-zero bytes after the place
// of a header, the header is sound or damaged. A first segment with only zeros
// after the place of one boot record, and without a valid boot record, was never
// ready and is formatted again.
//
// Recovery: the file is filled with zeros from P on; the last batch before P is
// written again, the same bytes to the same place; the file is synced. Only then is
// anything appended, and only then does the mark cover that batch. The batch is
// rewritten because bytes that can be read need not be on disk: a failed sync drops
// pages that stay readable (Rebello et al., "Can Applications Recover from fsync
// Failures?", USENIX ATC 2020). The sync comes before the first append because the
// torn batch may have valid records after P. If the zeros were not durable first,
// these records could later continue new ones and become part of the log. A crash
// at any point of recovery leaves the same records before P, and after P the same
// torn bytes or none.
//
// At most the last batch can be readable and not durable. A batch is issued after
// the syncs of everything before it in its segment, and the seal was synced before
// that, so also in all earlier segments. If the last segment has no record, the
// last batch is the seal of the segment before, which is written again. If the seal
// can be read, the header of the last segment is durable. A trim record in the last
// batch is written again with it, before any file is removed. The spare is removed
// durably before a file of its name is created, so of two headers only one can
// reappear.
//
// A life first appends the first record of its boot to the last segment, even if
// that is full, and rolls with the second. So a header carries only the number of a
// durable boot. The log is ready when the mark covers both records: a boot number
// must never be used twice.
//
// # Requirements on the disk
//
// Requests are executed in order, each when the one before it is complete, and none
// behind one that failed. A sync that returns without error has made all earlier writes
// to the file durable. Bytes that are not written do not change: a write torn by a power loss
// keeps or loses any part of its own range and spares its neighbours ("powersafe
// overwrite" in SQLite's terms). Bytes of a file that were never written are zeros.
// A file that was created or removed may exist or not after a crash, until the
// directory is synced; a renamed file has its old name or the new one. One process
// at a time uses the directory.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package wal
