// Package fleet runs one campaign on many machines.
//
// A Campaign is divided into ranges of seeds. Each is a job in a Queue; a Worker leases a
// job, runs it in a process of its own, and puts the result. The lease of a worker that
// dies ends, and the job goes to another one. The first result of a range counts, and a
// second one is compared with it. When all ranges are done they are joined to the state
// that one machine would have, bit for bit.
//
// Memory is a Queue within a process. Package natsqueue is the one between machines.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package fleet
