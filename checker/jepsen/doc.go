// Package jepsen reads histories of Jepsen, or in its format, as histories of
// package checker.
//
// It accepts three forms: a file of EDN maps, one per line, like history.edn;
// one vector of such maps; and a log, whose lines end in process, type,
// function, value and maybe an error, as Jepsen prints them while it runs. Maps
// and lines of a log may be mixed. Lines of a log without an operation are
// skipped.
//
// Completions have Jepsen's meaning: :ok took effect, :fail did not, :info may
// have. As in Jepsen, only the order of the events decides which operation came
// before which; :time is kept as far as it agrees with that order.
package jepsen
