// Package guarantee checks guarantees beyond linearizability. They concern
// observations of machines other than the operations of clients: streams of
// transitions, stale reads at one node, and the values that nodes hold in the
// end. Each of five guarantees is judged by itself and has its own Result:
//
//   - Chosen: all evidence is of one past of each machine, and none is earlier
//     than its cause;
//   - Watch: a stream skips no version, keeps the order, and is not late;
//   - MonotonicReads: local reads at one node never go back;
//   - ExactlyOnce: an operation has the one effect that its response reports;
//   - Convergence: in the end all nodes hold the same, and nothing is missing.
//
// docs/GUARANTEES.md defines each of them exactly, argues that the checker
// decides just that, and describes the file of observations.
//
// A Checker takes observations one by one: of one source in the order in which
// they were made, of different sources in any order. The results do not
// depend on how sources are interleaved, except for the violation that is
// reported if there are several.
package guarantee
