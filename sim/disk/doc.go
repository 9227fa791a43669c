// Package disk is a simulated disk with a page cache: it loses unsynced data at a
// power loss, tears writes, and sometimes fails or damages data. Profile states what a
// disk guarantees, Fault what may go wrong beyond that.
//
// A process sees its disk as a View and changes it by Requests, which take time and
// complete in order. Device is the disk of a process in a simulated world: package sim
// tells it the time, and chance decides what a crash leaves. Model enumerates all that
// a crash may leave, for tests.
package disk
