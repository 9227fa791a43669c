// Package sim is a deterministic discrete-event simulator for any set of
// processes: a virtual clock, a network that follows netmodel's verdicts, disks
// that lose unsynced data and sometimes fail, and processes that end by a process
// crash or a power loss, and restart.
//
// A run is a pure function of its Config and of the calls made on its World: the
// package reads no clock, starts no goroutine and draws from no shared generator.
// Events at the same nanosecond happen in the order in which they were scheduled.
// Only the Boot of a process precedes every message and invocation for it at that
// time. Every event and every effect is folded into a hash, so two runs that
// differ anywhere differ in Hash. Their text exists only if Config.Trace is set.
//
// The package knows no protocol. The system under test defines its messages
// (Message), its observations (Observation) and its processes (Process).
package sim
