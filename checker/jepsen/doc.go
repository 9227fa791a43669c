// Package jepsen reads histories that Jepsen made, or others in its manner, as
// histories of package checker.
//
// Three forms are known: a file of EDN maps, one a line, as history.edn is; one
// vector of such maps; and a log, whose lines end in process, type, function,
// value and maybe an error, as Jepsen prints them while it runs. Maps and lines
// of a log may be mixed; lines of a log that tell of no operation are skipped.
//
// What a completion means is Jepsen's: :ok took effect, :fail did not, :info may
// have. What happened before what is told by the order of the events alone, as
// for Jepsen; :time is kept as far as it agrees with that order.
package jepsen
