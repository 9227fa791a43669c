// Package kit is small parts of which a process of a simulated system (sim.Process) is
// made. Each stands alone, and a process may write by hand any of them instead.
//
//   - Message and Fact make messages and observations of plain structs, and Body gives
//     the struct back. Observer is an oracle as a function over facts.
//   - Timers names the timers of a process, with periods and cancellation.
//   - Log keeps records durably on the asynchronous disk, and Incarnation a number of
//     the life, which no other life has had.
//   - Client sends one request at a time, again and to other nodes if need be, and says
//     truthfully what is known of its outcome.
//   - Source is a source of random numbers for libraries that want one.
//
// Parts that wait for events have a method Step or Fired, to which the process hands
// each event first. None keeps time or randomness of its own, so a process that is made
// of them remains a pure function of its events.
//
// Misuse panics, with the name of the thing and the remedy: it is a bug of the process,
// which the harness reports as such. What an environment may do to a correct process,
// as a disk that fails, is returned as an error.
package kit
