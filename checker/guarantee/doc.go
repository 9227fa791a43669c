// Package guarantee judges what linearizability says nothing about: what was
// seen of machines apart from the operations of clients. Streams of transitions,
// stale reads at one node, and what the nodes hold in the end are Observations;
// each of five guarantees is judged by itself and has its own Verdict:
//
//   - Chosen: everybody tells of one and the same past, and of nothing before it
//     can have happened;
//   - Watch: a stream leaves nothing out, changes no order, keeps nothing back;
//   - MonotonicReads: what one node reads locally never goes back;
//   - ExactlyOnce: an operation has the one effect that its client was told of;
//   - Convergence: in the end all nodes hold the same, and nothing is missing.
//
// docs/GUARANTEES.md defines each of them exactly, argues that the checker
// decides just that, and describes the file of observations.
//
// A Checker takes observations one by one, those of one source in the order in
// which they were made, those of different sources in any. Its verdicts do not
// depend on how sources are interleaved, but for which of several violations
// is told.
package guarantee
