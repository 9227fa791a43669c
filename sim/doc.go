// Package sim runs any set of processes in a simulated world: a virtual clock,
// a network that follows netmodel's verdicts, disks that lose what was not
// synced and sometimes fail, and processes that end, alone or with the power,
// and restart.
//
// A run is a pure function of its Config and of the calls made on its World:
// nothing here reads a clock, starts a goroutine or draws from a shared
// generator. Events that fall on the same nanosecond happen in the order in
// which they were scheduled. Every event and every effect is folded into a hash,
// so two runs that differ anywhere differ in Hash; they are told in words only
// when Config.Trace asks for them.
//
// The package knows no protocol. What a process says (Message), what it reports
// (Fact) and what it does (Process) are the system's own.
package sim
